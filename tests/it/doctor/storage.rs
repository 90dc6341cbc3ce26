//! Errors of the state database and of the disks, each with its finding and its fix.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use lipsyncd::store::VERSION;
use rusqlite::Connection;

use super::DoctorRun;
use crate::{
    support::daemon::{JOB, TestEnv, quick},
    system_errors::Mount,
};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn database_errors_come_with_the_restore_steps() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", JOB);
    assert_eq!(test_env.run(&["run", "--once"]).code, Some(0));
    let database = test_env.path("lipsyncd.db");
    let set_version = |version: i64| {
        let connection = Connection::open(&database).unwrap();
        connection.pragma_update(None, "user_version", version).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    };
    set_version(99);
    DoctorRun::run(&test_env).expect("database", "error", "has version 99", "lipsyncd_NEWER.deb");
    set_version(VERSION);
    DoctorRun::run(&test_env).expect("database", "ok", "", "");
    set_mode(&database, 0o666);
    DoctorRun::run(&test_env).expect(
        "permissions",
        "warning",
        "everybody may change it",
        "chmod o-w",
    );
    set_mode(&database, 0o640);
    fs::write(&database, vec![9; 4096]).unwrap();
    let found = DoctorRun::run(&test_env);
    found.expect("database", "error", "is damaged", "install -o root -g root -m 0640 BACKUP");
    assert_eq!(found.ran.code, Some(1));
    fs::remove_file(&database).unwrap();
    fs::write(test_env.path("lipsyncd.db-wal"), "log").unwrap();
    let found = DoctorRun::run(&test_env);
    found.expect("database", "error", "it was lost", "BACKUP");
    // Missing files are not moved.
    let log = test_env.path("lipsyncd.db-wal").display().to_string();
    found.expect("database", "error", "it was lost", &format!("mv {log} "));
}

#[test]
fn results_without_a_database_mean_that_it_was_lost() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", JOB);
    test_env.drop_in("deep/y.yaml", JOB.replace("/v.mp4", "/y.mp4"));
    let before = DoctorRun::run(&test_env);
    before.expect("database", "ok", "the daemon creates it at its first start", "");
    assert_eq!(test_env.run(&["run", "--once"]).code, Some(0));
    for ending in ["", "-wal", "-shm"] {
        let path = test_env.path(&format!("lipsyncd.db{ending}"));
        assert!(!path.exists() || fs::remove_file(path).is_ok());
    }
    // A file that is not lipsyncd's.
    fs::write(test_env.path("output/notes.json"), "{}").unwrap();
    let found = DoctorRun::run(&test_env);
    found.expect("database", "error", "2 results in ", "0640 BACKUP ");
    assert_eq!(found.ran.code, Some(1));
    let [(_, _, fix)] = found.checks("database")[..] else { panic!("{:#}", found.json) };
    assert!(!fix.contains(".damaged"), "nothing to move: {fix}");
}

#[test]
fn damaged_page_of_the_database_is_found() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", JOB);
    assert_eq!(test_env.run(&["run", "--once"]).code, Some(0));
    let database = Connection::open(test_env.path("lipsyncd.db")).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'job_manifest'";
    let page: usize = database.query_row(sql, [], |row| row.get(0)).unwrap();
    drop(database);
    let mut bytes = fs::read(test_env.path("lipsyncd.db")).unwrap();
    bytes[(page - 1) * 4096..page * 4096].fill(0x5a);
    fs::write(test_env.path("lipsyncd.db"), bytes).unwrap();
    let found = DoctorRun::run(&test_env);
    found.expect("database", "error", "is damaged", "BACKUP");
}

#[test]
fn full_and_read_only_disks_are_reported() {
    let test_env = TestEnv::with(quick(), 5, "output_dir: small/results\n");
    let Some(mount) = Mount::tmpfs(&test_env.path("small"), "1m") else { return };
    fs::create_dir(test_env.path("small/results")).unwrap();
    let found = DoctorRun::run(&test_env);
    found.expect("disk", "error", "free for results", "df -h ");
    mount.fill();
    DoctorRun::run(&test_env).expect("output_dir", "error", "No space left", "df -h ");
    mount.clear();
    mount.remount("ro");
    DoctorRun::run(&test_env).expect("output_dir", "error", "Read-only", "remount,rw");
    DoctorRun::run(&test_env).expect("output_dir", "error", "Read-only", "ReadWritePaths=");
    mount.remount("rw,size=100m");
    DoctorRun::run(&test_env).expect("disk", "warning", "less than download.max_bytes", "df -h ");
    assert_eq!(fs::read_dir(test_env.path("small/results")).unwrap().count(), 0);
}
