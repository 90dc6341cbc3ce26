//! The end of a seed: nothing goes wrong any more, people leave everything alone, and the daemon works until all is
//! done.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    check::{check_at_any_time, check_at_the_end, texts},
    check_waiting::check_in_time,
    daemon::{Daemon, begin},
    hosts::Place,
    people::People,
    world::World,
};

/// Once nothing goes wrong, everything is done by then.
const PATIENCE: Duration = Duration::from_secs(12 * 86_400);
/// The folder is scanned so often once people have stopped.
const LAST_RESCAN: Duration = Duration::from_secs(600);
/// So long the folder is at rest before all is checked: a job that is missing leaves within two scans.
const REST: Duration = Duration::from_secs(2_000);
/// Between two looks at what is left.
const LOOK: Duration = Duration::from_secs(300);

const UNFINISHED: &str = "SELECT key || ' ' || state || ': ' || coalesce(waiting_for, '')
    FROM job_overview WHERE state NOT IN ('succeeded', 'failed', 'cancelled')";
// A task that no job points to is followed to its end, too.
const OPEN: &str = "SELECT
    (SELECT count(*) FROM task
      WHERE state IN ('creating', 'submitted', 'processing', 'downloading', 'unresolved'))
    + (SELECT count(*) FROM job WHERE state NOT IN ('succeeded', 'failed', 'cancelled'))";
/// What is open of tasks, or of the delivery of their results.
const OPEN_NAMES: &str = "SELECT external_task_id FROM task t
    WHERE t.state IN ('creating', 'submitted', 'processing', 'downloading', 'unresolved')
      OR EXISTS (SELECT 1 FROM job WHERE task_row = t.id AND state = 'downloading')";

/// Works off what is left, and checks all of it.
pub async fn end(world: &Arc<World>, people: &People) {
    let key = world.place().key;
    let [home, other] = [0, 1].map(|host| Place { host, key });
    if open_at(world, other.host) > 0 {
        // Only there what was created there is followed to its end.
        work_off(world, people, other, || open_at(world, other.host)).await;
    }
    work_off(world, people, home, || open(world)).await;
    check_at_the_end(world);
}

async fn work_off(world: &Arc<World>, people: &People, place: Place, open: impl Fn() -> usize) {
    world.move_to(place);
    let (_life, daemon) = begin(world, people, None, LAST_RESCAN);
    wait(world, people, &daemon, open).await;
    daemon.stop.cancel();
    daemon.end(world).await;
    check_at_any_time(world);
}

async fn wait(world: &World, people: &People, daemon: &Daemon, open: impl Fn() -> usize) {
    let began = Instant::now();
    for looks in 1.. {
        sleep(LOOK).await;
        let open = open();
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
        check_in_time(world, began);
        if looks % 12 == 0 {
            check_at_any_time(world);
        }
        if !world.violations.lock().unwrap().is_empty() {
            return;
        }
        people.decide_at_last().await;
    }
}

/// How many tasks and jobs are open.
fn open(world: &World) -> usize {
    let open: i64 = world.read(|database| {
        let mut open = database.prepare_cached(OPEN).unwrap();
        open.query_row([], |row| row.get(0)).unwrap()
    });
    usize::try_from(open).unwrap()
}

/// How many tasks are open whose create request was last sent to this host.
fn open_at(world: &World, host: usize) -> usize {
    if !world.state_db().exists() {
        return 0;
    }
    let names = world.read(|database| texts(database, OPEN_NAMES));
    let sent = world.sent.lock().unwrap();
    let is_there = |name: &&String| sent.get(*name).is_some_and(|sent| sent.host == host);
    names.iter().filter(is_there).count()
}
