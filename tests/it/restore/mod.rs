//! Backups of the state database: how one is made, and what follows when it is put back.

mod backup;
mod put_back;
mod retried;
mod story;

use std::fs;

use crate::support::daemon::TestEnv;

/// Makes a backup as an operator does.
fn back_up(test_env: &TestEnv) {
    let made = test_env.run(&["backup", "backup.db"]);
    assert_eq!(made.code, Some(0), "{made:?}");
}

/// Puts the backup in the place of the database, as docs/backup-and-restore.md says. The daemon must not run.
fn put_back(test_env: &TestEnv) {
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        let _absent = fs::remove_file(test_env.path(name));
    }
    fs::copy(test_env.path("backup.db"), test_env.path("lipsyncd.db")).unwrap();
}

/// A job like no other of the account's.
fn job(name: &str) -> String {
    crate::support::daemon::JOB.replace("/v.mp4", &format!("/{name}.mp4"))
}
