//! `lipsyncd backup`: a whole copy beside a daemon at work, or nothing.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use rusqlite::{Connection, OpenFlags};

use super::{back_up, job};
use crate::{
    support::daemon::{TestEnv, quick, slow},
    system_errors::Mount,
};

/// What is in the folder of the test environment.
fn names(test_env: &TestEnv) -> Vec<String> {
    let entries = fs::read_dir(test_env.path("")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_beside_a_running_daemon_is_one_whole_file_that_a_mere_reader_can_read() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", job("x"));
    test_env.start();
    test_env.until_state("x", "succeeded");
    let before = names(&test_env);
    let made = test_env.run(&["backup", "backup.db"]);
    assert_eq!((made.code, made.err.as_str()), (Some(0), ""));
    assert!(made.out.starts_with("Backed up 1 job ("), "{made:?}");
    assert!(made.out.contains(") to backup.db, as of 20"), "{made:?}");
    let after: Vec<String> =
        names(&test_env).into_iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(after, ["backup.db"], "one file, and no log beside it");
    let mode = fs::metadata(test_env.path("backup.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let copy = Connection::open_with_flags(test_env.path("backup.db"), flags).unwrap();
    let text = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("PRAGMA journal_mode"), "delete");
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(text("SELECT key || state FROM job_overview"), "xsucceeded");
    // The daemon noticed nothing.
    test_env.drop_in("y.yaml", job("y"));
    test_env.until_state("y", "succeeded");
}

#[test]
fn it_is_refused_where_it_would_do_harm_and_leaves_nothing() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    test_env.kill();
    fs::write(test_env.path("there.db"), "mine").unwrap();
    std::os::unix::fs::symlink("nowhere", test_env.path("link.db")).unwrap();
    let before = names(&test_env);
    for (file, code, said) in [
        ("there.db", 2, "there.db already exists"),
        ("link.db", 2, "link.db already exists"),
        ("-", 2, "goes to a file, not to stdout"),
        ("output", 2, "is a folder"),
        ("lipsyncd.db", 2, "is the state database itself"),
        ("./jobs/../lipsyncd.db", 2, "is the state database itself"),
        ("lipsyncd.db-journal", 2, "reserved for a file of the state database"),
        ("jobs/backup.db", 2, "jobs_dir, and lipsyncd never writes there"),
        ("nowhere/backup.db", 3, "backup nowhere/backup.db: No such file"),
        ("/proc/backup.db", 3, "backup /proc/backup.db: "),
    ] {
        let ran = test_env.run(&["backup", file]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{file}: {ran:?}");
        assert!(ran.err.contains(said), "{file}: {ran:?}");
    }
    assert_eq!(names(&test_env), before);
    assert_eq!(fs::read(test_env.path("there.db")).unwrap(), b"mine");
    assert_eq!(test_env.run(&["backup"]).code, Some(2));
}

#[test]
fn without_a_database_or_with_a_strangers_there_is_none() {
    let test_env = TestEnv::new(quick());
    let ran = test_env.run(&["backup", "backup.db"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("no state database at"), "{ran:?}");
    fs::write(test_env.path("lipsyncd.db"), "").unwrap();
    assert_eq!(test_env.run(&["backup", "backup.db"]).code, Some(3));
    fs::write(test_env.path("lipsyncd.db"), vec![7; 8192]).unwrap();
    let ran = test_env.run(&["backup", "backup.db"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("is damaged"), "{ran:?}");
    assert!(names(&test_env).iter().all(|name| !name.contains("backup")), "{:?}", names(&test_env));
}

#[test]
fn a_damaged_database_is_told_and_gives_no_backup() {
    let mut test_env = TestEnv::new(quick());
    for name in ["a", "b", "c"] {
        test_env.drop_in(&format!("{name}.yaml"), job(name));
    }
    test_env.start();
    test_env.until("all to succeed", |test_env| {
        test_env.states().len() == 3 && test_env.states().iter().all(|(_, is)| is == "succeeded")
    });
    test_env.kill();
    let database = Connection::open(test_env.path("lipsyncd.db")).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let root: i64 = database
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'job_state'", [], |row| {
            row.get(0)
        })
        .unwrap();
    drop(database);
    let mut bytes = fs::read(test_env.path("lipsyncd.db")).unwrap();
    let page = (usize::try_from(root).unwrap() - 1) * 4096;
    bytes[page..page + 4096].fill(0x5a);
    fs::write(test_env.path("lipsyncd.db"), bytes).unwrap();
    let ran = test_env.run(&["backup", "backup.db"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("is damaged ("), "{ran:?}");
    assert!(names(&test_env).iter().all(|name| !name.contains("backup")), "{:?}", names(&test_env));
}

#[test]
fn a_disk_that_is_full_is_told_and_left_as_it_was() {
    let mut test_env = TestEnv::new(slow());
    test_env.start();
    test_env.kill();
    let Some(_mount) = Mount::tmpfs(&test_env.path("small"), "64k") else { return };
    let ran = test_env.run(&["backup", "small/backup.db"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("backup small/backup.db: database or disk is full"), "{ran:?}");
    assert_eq!(fs::read_dir(test_env.path("small")).unwrap().count(), 0);
}

#[test]
fn a_user_who_may_only_read_can_make_one() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", job("x"));
    test_env.start();
    test_env.until_state("x", "succeeded");
    fs::create_dir(test_env.path("theirs")).unwrap();
    fs::set_permissions(test_env.path("theirs"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(test_env.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let plain = test_env.command(&["backup", "theirs/backup.db"]);
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    nobody.arg(plain.get_program()).args(plain.get_args()).current_dir(test_env.path(""));
    let ran = nobody.output().unwrap();
    let err = String::from_utf8_lossy(&ran.stderr).into_owned();
    if err.contains("setpriv: ") {
        return println!("skipped: not root");
    }
    assert_eq!(ran.status.code(), Some(0), "{err}");
}

#[test]
fn the_backup_of_a_backup_that_was_put_back_works_before_the_daemon_ran() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", job("x"));
    test_env.start();
    test_env.until_state("x", "succeeded");
    back_up(&test_env);
    test_env.kill();
    super::put_back(&test_env);
    let listed = test_env.run(&["list"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert_eq!(test_env.run(&["backup", "second.db"]).code, Some(0));
    test_env.start();
    let database = test_env.database().unwrap();
    let mode: String = database.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}
