//! One seed from beginning to end: the daemon is started, killed and started again, until no more faults come and all
//! is done.

use std::{fs, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    check::{check_at_any_time, texts},
    daemon::start_daemon,
    ending::finish,
    lookups::all_shown_ms,
    mistakes::Mistake,
    users::Users,
    world::World,
};

/// What happened in one seed.
pub struct Scenario {
    /// The rules that were broken.
    pub violations: Vec<String>,
    /// All that happened: the history of the jobs, then what users did; one line per event.
    pub history: Vec<String>,
    /// How often the daemon was started.
    pub runs: u32,
    pub tasks: usize,
}

/// Plays one seed, in which the daemon makes `mistake`.
pub fn play(seed: u64, mistake: Option<Mistake>) -> Scenario {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let world = World::new(seed, mistake);
        let runs = run_seed(&world).await;
        report(&world, runs)
    })
}

async fn run_seed(world: &Arc<World>) -> u32 {
    let users = Users::new(world).await;
    let runs = world.chance.between(0, 6);
    for _ in 0..runs {
        world.switch_account(world.account_changes.next(world.account_ref(), &world.chance));
        run_daemon(world, &users).await;
        check_at_any_time(world);
        users.change_unseen();
        sleep(Duration::from_millis(world.chance.between(0, 300_000).unsigned_abs())).await;
        if world.may_lose_database && world.chance.happens(0.4) {
            lose_database(world, &users).await;
        }
    }
    world.faults.end();
    world.log("the end begins");
    users.finish().await;
    finish(world, &users).await;
    u32::try_from(runs + 1).unwrap()
}

async fn run_daemon(world: &Arc<World>, users: &Users) {
    let steps = *world.chance.pick(&[30, 120, 500, 2_000]);
    let steps = world.chance.between(1, steps);
    let long = Duration::from_secs(world.chance.between(1, 5_000).unsigned_abs());
    let rescan = Duration::from_secs(*world.chance.pick(&[10, 30, 300]));
    let (process, daemon) = start_daemon(world, users, Some(steps), rescan);
    tokio::select! {
        biased;
        () = process.killed() => {}
        () = users.act_randomly() => {}
        // Stopped as by SIGTERM, or killed while it is idle.
        () = sleep(long), if world.chance.happens(0.7) => {
            if world.chance.happens(0.5) {
                daemon.stop.cancel();
                tokio::select! {
                    () = process.killed() => {}
                    () = sleep(Duration::from_secs(10)) => {}
                }
            }
        }
    }
    process.kill();
    daemon.end(world).await;
}

/// Takes a backup, restores the last one, or deletes the database.
async fn lose_database(world: &World, users: &Users) {
    users.close();
    world.close_database();
    let (database, backup) = (world.state_db(), world.dir.path().join("backup.db"));
    if !database.exists() {
        return;
    }
    if world.chance.happens(0.5) {
        let _earlier = fs::remove_file(&backup);
        let sql = format!("VACUUM INTO '{}'", backup.display());
        world.read(|database| database.execute_batch(&sql)).unwrap();
        return world.close_database();
    }
    // What users decided is lost, too, also that the queue is paused.
    *world.lost_database.lock().unwrap() = true;
    world.log("the database is lost, or restored from a backup");
    *world.paused.lock().unwrap() = None;
    for ending in ["db", "db-wal", "db-shm"] {
        let _missing = fs::remove_file(database.with_extension(ending));
    }
    if world.chance.happens(0.6) && backup.exists() {
        fs::rename(backup, database).unwrap();
        // The backup holds whether a person had paused the queue.
        let sql = "SELECT 1 FROM daemon_state WHERE pause = 'person'";
        let is_paused = world.read(|database| database.prepare(sql).unwrap().exists([]).unwrap());
        *world.paused.lock().unwrap() = is_paused.then(Instant::now);
        world.close_database();
    }
    if world.chance.happens(0.4) {
        world.move_results_away(&world.chance);
    }
    // The next database knows of earlier create requests only what Kling shows.
    let all_shown_ms = all_shown_ms(world.sim(world.account_ref().host).config());
    sleep(Duration::from_millis(all_shown_ms.unsigned_abs())).await;
}

fn report(world: &World, runs: u32) -> Scenario {
    let sql = "SELECT at || ' ' || key || ': ' || coalesce(from_state, '') || ' > ' || to_state || ': ' || what
        FROM job_history";
    let mut history = world.read(|database| texts(database, sql));
    history.append(&mut *world.log.lock().unwrap());
    // The name of the folder is random.
    let folder = world.dir.path().to_str().unwrap();
    history.iter_mut().for_each(|line| *line = line.replace(folder, "FOLDER"));
    let violations = std::mem::take(&mut *world.violations.lock().unwrap());
    let tasks = world.ledger().len();
    Scenario { violations, history, runs, tasks }
}
