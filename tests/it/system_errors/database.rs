//! A state database that cannot be written or opened for a while, and a damaged one.

use std::{
    fs,
    os::unix::fs::{FileExt as _, symlink},
};

use rusqlite::Connection;

use super::mount::Mount;
use crate::support::daemon::{JOB, TestEnv, slow};

fn daemon_problem(test_env: &TestEnv) -> Option<String> {
    let json: serde_json::Value =
        serde_json::from_str(&test_env.run(&["status", "--json"]).out).ok()?;
    json["daemon"]["problem"].as_str().map(str::to_owned)
}

fn has_sent(test_env: &TestEnv) {
    test_env.until("x to be known as sent", |test_env| {
        ["submitted", "processing"].contains(&test_env.state("x").as_str())
    });
}

fn goes_on(test_env: &TestEnv) {
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
    test_env.until("the problem to end", |test_env| daemon_problem(test_env).is_none());
}

#[test]
fn the_daemon_waits_for_a_full_database_disk() {
    let mut test_env = TestEnv::with(slow(), 5, "state_db: state/lipsyncd.db\n");
    let Some(mount) = Mount::tmpfs(&test_env.path("state"), "2m") else { return };
    symlink(test_env.path("state/lipsyncd.db"), test_env.path("lipsyncd.db")).unwrap();
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    has_sent(&test_env);
    mount.fill();
    // More than the space that is left for the WAL file.
    let jobs: String = (0..500).map(|n| format!("- {{ id: j{n}, {} }}\n", inline(n))).collect();
    test_env.drop_in("many.yaml", format!("jobs:\n{jobs}"));
    test_env.until("the daemon to say so", |test_env| daemon_problem(test_env).is_some());
    let status = test_env.run(&["status"]).out;
    assert!(
        status.contains("database   the daemon waits until it can write: database or disk"),
        "{status}"
    );
    assert!(status.contains("full"), "{status}");
    assert!(test_env.is_running());
    mount.clear();
    test_env.until("the manifest to be read", |test_env| test_env.is_accepted("many.yaml"));
    test_env.until("the problem to end", |test_env| daemon_problem(test_env).is_none());
    let log = test_env.log();
    assert_eq!(log.matches("waiting until the database can be written").count(), 1, "{log}");
    assert_eq!(log.matches("can be written again").count(), 1, "{log}");
    test_env.until("slots to be filled", |test_env| test_env.ledger().tasks.len() == 5);
}

fn inline(n: usize) -> String {
    format!(
        "video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", \
         audio: \"https://cdn.example.com/{n}.mp3?duration_ms=5000\", sound_end_time: 4s"
    )
}

#[test]
fn the_daemon_waits_for_a_locked_database_at_the_start_and_later() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    has_sent(&test_env);
    let health = |test_env: &TestEnv| {
        let ran = test_env.run(&["status", "--healthy"]);
        (ran.code.unwrap(), ran.out + &ran.err)
    };
    assert_eq!(health(&test_env), (0, String::new()));
    test_env.kill();
    let (code, reason) = health(&test_env);
    assert!(code == 1 && reason.contains("no daemon uses"), "{reason}");
    let other = test_env.lock_database();
    test_env.spawn();
    test_env
        .until("the daemon to wait", |test_env| test_env.log().contains("until it can be opened"));
    assert!(test_env.is_running());
    drop(other);
    test_env.until("the daemon to begin", |test_env| {
        test_env.log().matches("has been read").count() == 2
    });
    has_sent(&test_env);

    let other = Connection::open(test_env.path("lipsyncd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    test_env.until("the daemon to say so", |test_env| {
        daemon_problem(test_env).is_some_and(|problem| problem.contains("locked"))
    });
    let (code, reason) = health(&test_env);
    assert!(code == 1 && reason.contains("locked"), "{reason}");
    assert!(test_env.is_running());
    drop(other);
    goes_on(&test_env);
    assert_eq!(health(&test_env), (0, String::new()));
}

#[test]
fn a_vacuum_does_not_disturb_the_daemon() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    has_sent(&test_env);
    let other = Connection::open(test_env.path("lipsyncd.db")).unwrap();
    other.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    other.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE); ANALYZE").unwrap();
    goes_on(&test_env);
}

#[test]
fn a_damaged_database_stops_the_daemon_with_a_remedy() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    has_sent(&test_env);
    {
        let other = Connection::open(test_env.path("lipsyncd.db")).unwrap();
        other.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        let bytes = fs::metadata(test_env.path("lipsyncd.db")).unwrap().len() - 4096;
        let noise = vec![0xA5; usize::try_from(bytes).unwrap()];
        let file = fs::File::options().write(true).open(test_env.path("lipsyncd.db")).unwrap();
        file.write_all_at(&noise, 4096).unwrap();
        // A write of another process makes the daemon read again. (This process has the file open.)
        other.pragma_update(None, "user_version", lipsyncd::store::VERSION).unwrap();
        std::mem::forget(file);
    }
    let status = test_env.wait_until_ended();
    let log = test_env.log();
    assert_eq!(status.code(), Some(3), "{log}");
    assert!(log.contains("is damaged") && log.contains("replace it with a backup"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    // The next start does not create a new database either.
    let again = test_env.run(&["run"]);
    assert_eq!(again.code, Some(3), "{again:?}");
    assert!(again.err.contains("replace it with a backup"), "{again:?}");
}
