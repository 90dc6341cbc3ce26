//! A state database that cannot be written, or not be opened, for a while; and one that is damaged.

use std::{
    fs,
    os::unix::fs::{FileExt as _, symlink},
};

use rusqlite::Connection;

use super::mount::Mount;
use crate::support::daemon::{House, JOB, slow};

fn daemon_trouble(house: &House) -> Option<String> {
    let json: serde_json::Value =
        serde_json::from_str(&house.run(&["status", "--json"]).out).ok()?;
    json["daemon"]["trouble"].as_str().map(str::to_owned)
}

fn has_sent(house: &House) {
    house.until("x to be known as sent", |house| {
        ["submitted", "processing"].contains(&house.state("x").as_str())
    });
}

fn goes_on(house: &House) {
    house.finish_tasks();
    house.until_state("x", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 1);
    house.until("the trouble to be over", |house| daemon_trouble(house).is_none());
}

#[test]
fn a_full_disk_under_the_database_is_waited_out() {
    let mut house = House::with(slow(), 5, "state_db: state/lipsyncd.db\n");
    let Some(mount) = Mount::tmpfs(&house.path("state"), "2m") else { return };
    symlink(house.path("state/lipsyncd.db"), house.path("lipsyncd.db")).unwrap();
    house.drop_in("x.yaml", JOB);
    house.start();
    has_sent(&house);
    mount.fill();
    // More than what is left in the log of the database.
    let jobs: String = (0..500).map(|n| format!("- {{ id: j{n}, {} }}\n", inline(n))).collect();
    house.drop_in("many.yaml", format!("jobs:\n{jobs}"));
    house.until("the daemon to say so", |house| daemon_trouble(house).is_some());
    let status = house.run(&["status"]).out;
    assert!(status.contains("database   the daemon waits for it: database or disk"), "{status}");
    assert!(status.contains("full"), "{status}");
    assert!(house.is_running());
    mount.clear();
    house.until("the manifest to be read", |house| house.is_accepted("many.yaml"));
    house.until("the trouble to be over", |house| daemon_trouble(house).is_none());
    let log = house.log();
    assert_eq!(log.matches("waiting until it can be written").count(), 1, "{log}");
    assert_eq!(log.matches("can be written again").count(), 1, "{log}");
    house.until("slots to be filled", |house| house.ledger().tasks.len() == 5);
}

fn inline(n: usize) -> String {
    format!(
        "video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", \
         audio: \"https://cdn.example.com/{n}.mp3?duration_ms=5000\", sound_end_time: 4s"
    )
}

#[test]
fn a_database_that_others_keep_locked_is_waited_for_at_the_start_and_later() {
    let mut house = House::new(slow());
    house.drop_in("x.yaml", JOB);
    house.start();
    has_sent(&house);
    house.kill();
    let other = house.lock_out();
    house.spawn();
    house.until("the daemon to wait", |house| house.log().contains("until it can be opened"));
    assert!(house.is_running());
    drop(other);
    house.until("the daemon to begin", |house| house.log().matches("has been read").count() == 2);
    has_sent(&house);

    let other = Connection::open(house.path("lipsyncd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    house.until("the daemon to say so", |house| {
        daemon_trouble(house).is_some_and(|trouble| trouble.contains("locked"))
    });
    assert!(house.is_running());
    drop(other);
    goes_on(&house);
}

#[test]
fn a_person_may_tidy_the_database_up_while_the_daemon_works() {
    let mut house = House::new(slow());
    house.drop_in("x.yaml", JOB);
    house.start();
    has_sent(&house);
    let other = Connection::open(house.path("lipsyncd.db")).unwrap();
    other.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    other.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE); ANALYZE").unwrap();
    goes_on(&house);
}

#[test]
fn damage_that_shows_while_it_works_ends_the_daemon_with_what_to_do() {
    let mut house = House::new(slow());
    house.drop_in("x.yaml", JOB);
    house.start();
    has_sent(&house);
    {
        let other = Connection::open(house.path("lipsyncd.db")).unwrap();
        other.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        let bytes = fs::metadata(house.path("lipsyncd.db")).unwrap().len() - 4096;
        let noise = vec![0xA5; usize::try_from(bytes).unwrap()];
        let file = fs::File::options().write(true).open(house.path("lipsyncd.db")).unwrap();
        file.write_all_at(&noise, 4096).unwrap();
        // What another wrote makes the daemon read anew. (It is this process that has the file open.)
        other.pragma_update(None, "user_version", lipsyncd::store::VERSION).unwrap();
        std::mem::forget(file);
    }
    let status = house.ended();
    let log = house.log();
    assert_eq!(status.code(), Some(3), "{log}");
    assert!(log.contains("is damaged") && log.contains("put a backup in its place"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    // Nor does the next start begin anew.
    let again = house.run(&["run"]);
    assert_eq!(again.code, Some(3), "{again:?}");
    assert!(again.err.contains("put a backup in its place"), "{again:?}");
}
