//! One seed from its first life to its end: the daemon lives, dies and is started again, until nothing goes
//! wrong any more and all is done.

use std::{fs, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    check::{check_at_any_time, texts},
    daemon::begin,
    ending::end,
    lookups::all_shown_ms,
    mistakes::Mistake,
    people::People,
    world::World,
};

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
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let world = World::new(seed, mistake);
        let lives = live(&world).await;
        report(&world, lives)
    })
}

async fn live(world: &Arc<World>) -> u32 {
    let people = People::arrive(world).await;
    let lives = world.chance.between(0, 6);
    for _ in 0..lives {
        world.move_to(world.moves.next(world.place(), &world.chance));
        live_once(world, &people).await;
        check_at_any_time(world);
        people.change_unseen();
        sleep(Duration::from_millis(world.chance.between(0, 300_000).unsigned_abs())).await;
        if world.may_lose_database && world.chance.happens(0.4) {
            lose_database(world, &people).await;
        }
    }
    world.faults.end();
    world.act("the end begins");
    people.settle_down().await;
    end(world, &people).await;
    u32::try_from(lives + 1).unwrap()
}

async fn live_once(world: &Arc<World>, people: &People) {
    let steps = *world.chance.pick(&[30, 120, 500, 2_000]);
    let steps = world.chance.between(1, steps);
    let long = Duration::from_secs(world.chance.between(1, 5_000).unsigned_abs());
    let rescan = Duration::from_secs(*world.chance.pick(&[10, 30, 300]));
    let (life, daemon) = begin(world, people, Some(steps), rescan);
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

/// Takes a backup, puts the last one back, or loses the database.
async fn lose_database(world: &World, people: &People) {
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
        // The backup says whether a person had paused the queue.
        let sql = "SELECT 1 FROM daemon_state WHERE pause = 'person'";
        let is_paused = world.read(|database| database.prepare(sql).unwrap().exists([]).unwrap());
        *world.paused.lock().unwrap() = is_paused.then(Instant::now);
        world.close_database();
    }
    if world.chance.happens(0.4) {
        world.move_results_away(&world.chance);
    }
    // The next database knows of what was sent only what Kling shows.
    let all_shown_ms = all_shown_ms(world.sim(world.place().host).config());
    sleep(Duration::from_millis(all_shown_ms.unsigned_abs())).await;
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
    let tasks = world.ledger().len();
    Scenario { violations, history, lives, tasks }
}
