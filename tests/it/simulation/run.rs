//! One seed from its first life to its end: the daemon lives, dies and is started again, until nothing goes
//! wrong any more and all is done.

use std::{fs, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    check::{check_at_any_time, check_at_the_end, check_in_time, texts},
    daemon::{Daemon, begin},
    mistakes::Mistake,
    options::Options,
    people::People,
    world::World,
};

/// Once nothing goes wrong, everything is done by then.
const PATIENCE: Duration = Duration::from_secs(12 * 86_400);
/// The folder is scanned so often once people have stopped.
const LAST_RESCAN: Duration = Duration::from_secs(600);
/// So long the folder is at rest before all is checked: a job that is missing leaves within two scans.
const REST: Duration = Duration::from_secs(2_000);

/// What happened in one seed.
pub struct Scenario {
    /// What must never be, and was.
    pub violations: Vec<String>,
    /// All that happened: the history of the jobs, then what people did; a line each.
    pub history: Vec<String>,
    pub lives: u32,
    pub tasks: usize,
}

/// Plays one seed, in which the daemon makes `mistake`.
pub fn play(seed: u64, mistake: Option<Mistake>) -> Scenario {
    play_with(seed, mistake, Options::default())
}

/// The same in a world with options.
pub fn play_with(seed: u64, mistake: Option<Mistake>, options: Options) -> Scenario {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let world = World::new(seed, mistake, options);
        let lives = live(&world).await;
        report(&world, lives)
    })
}

async fn live(world: &Arc<World>) -> u32 {
    let people = People::arrive(world).await;
    let lives = world.chance.between(0, 6);
    for _ in 0..lives {
        let steps = *world.chance.pick(&[30, 120, 500, 2_000]);
        let steps = world.chance.between(1, steps);
        {
            let long = Duration::from_secs(world.chance.between(1, 5_000).unsigned_abs());
            let rescan = Duration::from_secs(*world.chance.pick(&[10, 30, 300]));
            let (life, daemon) = begin(world, &people, Some(steps), rescan);
            tokio::select! {
                biased;
                () = life.ended() => {}
                () = people.meddle() => {}
                // Stopped as by SIGTERM, or killed while it rests.
                () = sleep(long), if world.chance.happens(0.7) => {
                    if world.chance.happens(0.5) {
                        daemon.stop.cancel();
                        tokio::select! {
                            () = life.ended() => {}
                            () = sleep(Duration::from_secs(10)) => {}
                        }
                    }
                }
            }
            life.end();
            daemon.end(world).await;
        }
        check_at_any_time(world);
        people.change_unseen();
        sleep(Duration::from_millis(world.chance.between(0, 300_000).unsigned_abs())).await;
        if world.may_lose_database && world.chance.happens(0.4) {
            lose_database(world, &people);
        }
    }
    world.faults.end();
    world.act("the end begins");
    people.settle_down().await;
    let (_life, daemon) = begin(world, &people, None, LAST_RESCAN);
    wait_for_the_end(world, &people, &daemon).await;
    daemon.stop.cancel();
    daemon.end(world).await;
    check_at_any_time(world);
    check_at_the_end(world);
    u32::try_from(lives + 1).unwrap()
}

/// Takes a backup, puts the last one back, or loses the database.
fn lose_database(world: &World, people: &People) {
    people.close();
    world.close_database();
    let (database, backup) = (world.state_db(), world.dir.path().join("backup.db"));
    if !database.exists() {
        return;
    }
    if world.chance.happens(0.5) {
        let _before = fs::remove_file(&backup);
        let sql = format!("VACUUM INTO '{}'", backup.display());
        world.read(|database| database.execute_batch(&sql)).unwrap();
        return world.close_database();
    }
    // With it goes what people said, also that the queue is paused.
    *world.lost_database.lock().unwrap() = true;
    world.act("the database is lost, or put back from a backup");
    *world.paused.lock().unwrap() = None;
    for ending in ["db", "db-wal", "db-shm"] {
        let _missing = fs::remove_file(database.with_extension(ending));
    }
    if world.chance.happens(0.6) && backup.exists() {
        fs::rename(backup, database).unwrap();
    }
}

async fn wait_for_the_end(world: &World, people: &People, daemon: &Daemon) {
    const UNFINISHED: &str = "SELECT key || ' ' || state || ': ' || coalesce(waiting_for, '')
        FROM job_overview WHERE state NOT IN ('succeeded', 'failed', 'cancelled')";
    // A task that no job points to is followed to its end, too.
    const OPEN: &str = "SELECT
        (SELECT count(*) FROM task
          WHERE state IN ('creating', 'submitted', 'processing', 'downloading', 'unresolved'))
        + (SELECT count(*) FROM job WHERE state NOT IN ('succeeded', 'failed', 'cancelled'))";
    let began = Instant::now();
    for looks in 1.. {
        sleep(Duration::from_secs(300)).await;
        let open: i64 = world.read(|database| {
            let mut open = database.prepare_cached(OPEN).unwrap();
            open.query_row([], |row| row.get(0)).unwrap()
        });
        if open == 0 && began.elapsed() >= REST {
            return;
        }
        if daemon.work.is_finished() {
            return world.accuse("the daemon ended by itself");
        }
        if began.elapsed() > PATIENCE {
            let unfinished = world.read(|database| texts(database, UNFINISHED));
            return world.accuse(format!("never done: {unfinished:?}, {open} jobs and tasks"));
        }
        check_in_time(world);
        if looks % 12 == 0 {
            check_at_any_time(world);
        }
        if !world.violations.lock().unwrap().is_empty() {
            return;
        }
        people.decide().await;
    }
}

fn report(world: &World, lives: u32) -> Scenario {
    let sql = "SELECT at || ' ' || key || ': ' || coalesce(from_state, '') || ' > ' || to_state || ': ' || what
        FROM job_history";
    let mut history = world.read(|database| texts(database, sql));
    history.append(&mut *world.acts.lock().unwrap());
    // The folder of the world has another name each time.
    let folder = world.dir.path().to_str().unwrap();
    history.iter_mut().for_each(|line| *line = line.replace(folder, "FOLDER"));
    let violations = std::mem::take(&mut *world.violations.lock().unwrap());
    let tasks = world.sim().ledger(world.time.true_ms()).tasks.len();
    Scenario { violations, history, lives, tasks }
}
