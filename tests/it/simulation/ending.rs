//! The end of a seed: no more faults come, users change nothing more, and the daemon works until all is done.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    check::{check_at_any_time, check_at_the_end, texts},
    check_waiting::check_in_time,
    daemon::{Daemon, start_daemon},
    hosts::AccountRef,
    users::Users,
    world::World,
};

/// Without faults, everything is done within this time.
const DEADLINE: Duration = Duration::from_secs(12 * 86_400);
/// `watch.rescan_interval` once users have stopped.
const LAST_RESCAN: Duration = Duration::from_secs(600);
/// The folder does not change for so long before all is checked: a job that is missing leaves within two scans.
const QUIET_TIME: Duration = Duration::from_secs(2_000);
/// Between two checks of what is left.
const CHECK_INTERVAL: Duration = Duration::from_secs(300);

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

/// Runs the daemon until nothing is left to do, and checks all results.
pub async fn finish(world: &Arc<World>, users: &Users) {
    let key = world.account_ref().key;
    let [home, other] = [0, 1].map(|host| AccountRef { host, key });
    if open_at(world, other.host) > 0 {
        // Tasks that were created at the other host are followed only there.
        run_until_done(world, users, other, || open_at(world, other.host)).await;
    }
    run_until_done(world, users, home, || open(world)).await;
    check_at_the_end(world);
}

async fn run_until_done(
    world: &Arc<World>,
    users: &Users,
    account_ref: AccountRef,
    open: impl Fn() -> usize,
) {
    world.switch_account(account_ref);
    let (_process, daemon) = start_daemon(world, users, None, LAST_RESCAN);
    wait(world, users, &daemon, open).await;
    daemon.stop.cancel();
    daemon.end(world).await;
    check_at_any_time(world);
}

async fn wait(world: &World, users: &Users, daemon: &Daemon, open: impl Fn() -> usize) {
    let began = Instant::now();
    for checks in 1.. {
        sleep(CHECK_INTERVAL).await;
        let open = open();
        if open == 0 && began.elapsed() >= QUIET_TIME {
            return;
        }
        if daemon.work.is_finished() {
            return world.report_violation("the daemon ended by itself");
        }
        if began.elapsed() > DEADLINE {
            let unfinished = world.read(|database| texts(database, UNFINISHED));
            return world
                .report_violation(format!("never done: {unfinished:?}, {open} jobs and tasks"));
        }
        check_in_time(world, began);
        if checks % 12 == 0 {
            check_at_any_time(world);
        }
        if !world.violations.lock().unwrap().is_empty() {
            return;
        }
        users.decide_at_end().await;
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
