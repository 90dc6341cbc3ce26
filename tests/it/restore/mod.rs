//! Backups of the state database: how one is made, and what follows when it is put back.

mod backup;
mod put_back;
mod retried;
mod story;

use std::fs;

use crate::support::daemon::House;

/// Makes a backup as an operator does.
fn back_up(house: &House) {
    let made = house.run(&["backup", "backup.db"]);
    assert_eq!(made.code, Some(0), "{made:?}");
}

/// Puts the backup in the place of the database, as docs/backup-and-restore.md says. The daemon must not run.
fn put_back(house: &House) {
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        let _absent = fs::remove_file(house.path(name));
    }
    fs::copy(house.path("backup.db"), house.path("lipsyncd.db")).unwrap();
}

/// A job like no other of the account's.
fn job(name: &str) -> String {
    crate::support::daemon::JOB.replace("/v.mp4", &format!("/{name}.mp4"))
}
