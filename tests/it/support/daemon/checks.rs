//! Waiting for conditions, and checks of results and of the database.

use std::{
    fs::{self, File},
    path::Path,
    thread::sleep,
    time::Instant,
};

use lipsyncd::media::video::check_complete;
use rusqlite::Connection;

use super::{DEADLINE, POLL_INTERVAL, TestEnv, job_of, views::Row};

impl TestEnv {
    /// Waits for a condition, and fails with its name, all states and the log if it does not come true in time.
    pub fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !condition(self) {
            assert!(
                began.elapsed() < DEADLINE,
                "timed out waiting for {what}; jobs: {:?}; log:\n{}",
                self.states(),
                self.log()
            );
            sleep(POLL_INTERVAL);
        }
    }

    pub fn until_state(&self, key: &str, state: &str) -> Row {
        self.until(&format!("{key} to be {state}"), |test_env| test_env.state(key) == state);
        self.job(key).unwrap()
    }

    /// Waits until the daemon has scanned the folder twice more, so that it has seen every earlier change.
    pub fn until_scanned_again(&self, marker: &str) {
        // A job that comes in later than the change in question is read in a pass after it.
        for turn in ["one", "two"] {
            let name = format!("{marker}-{turn}");
            // A request of its own, so that it shares no task.
            let job = job_of(&name);
            let text = format!("{job}not_before: 2099-01-01T00:00:00Z\n");
            self.drop_in(&format!("{name}.yaml"), text);
            self.until_state(&name, "waiting");
        }
    }

    /// Waits until the daemon has scanned the folder twice more, also where it reads nothing.
    pub fn until_two_more_scans(&self) {
        let scans = |test_env: &Self| test_env.log().matches("scanned the folder in").count();
        let before = scans(self);
        self.until("two more scans", |test_env| scans(test_env) >= before + 2);
    }

    /// The result of a job is a complete video.
    pub fn assert_complete(&self, output: &str) {
        assert_complete(&self.path("output").join(output));
    }

    /// The names of hidden files in a folder: part files, and the files that belong to them.
    pub fn hidden(&self, folder: &str) -> Vec<String> {
        let names = fs::read_dir(self.path(folder)).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect()
    }

    /// Locks the state database exclusively until the connection is dropped; others cannot even read it.
    pub fn lock_database(&self) -> Connection {
        let other = Connection::open(self.path("lipsyncd.db")).unwrap();
        other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
        other
            .execute_batch("BEGIN EXCLUSIVE; UPDATE daemon_state SET hold = NULL; COMMIT")
            .unwrap();
        other
    }

    /// SQLite finds the state database intact.
    pub fn assert_integrity(&self) {
        let database = self.database().unwrap();
        let check = database.query_row("PRAGMA integrity_check", [], |row| row.get(0));
        assert_eq!(check, Ok("ok".to_owned()));
    }

    pub fn assert_paid_once(&self) {
        let twice = self.ledger().paid_twice.external_task_ids;
        assert!(twice.is_empty(), "{twice:?}");
    }
}

pub fn assert_complete(path: &Path) {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let bytes = file.metadata().unwrap().len();
    check_complete(file, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
