//! Who may read and nothing else, as a member of the package's group: another user, and files and folder
//! that the group may only read.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    process::{Command, Output},
};

use super::{eventful, page::queries};
use crate::support::daemon::TestEnv;

/// A group and a user that nobody is.
const GROUP: u32 = 64_990;
const USER: u32 = 64_991;

/// Gives the database to the group, to be read: 0640 in a folder of 0750.
fn give(test_env: &TestEnv) {
    let give = |path: &std::path::Path, mode: u32| {
        chown(path, None, Some(GROUP)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    give(test_env.dir.path(), 0o750);
    for part in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        give(&test_env.path(part), 0o640);
    }
}

/// `sqlite3` as a member of the group.
fn ask(test_env: &TestEnv, sql: &str) -> Output {
    let mut command = Command::new("setpriv");
    let (user, group) = (USER.to_string(), GROUP.to_string());
    command.args(["--reuid", &user, "--regid", &user, "--groups", &group, "sqlite3"]);
    command.args(["-readonly", "-batch", "-bail"]).arg(test_env.path("lipsyncd.db")).arg(sql);
    command.output().unwrap()
}

fn ask_all(test_env: &TestEnv, when: &str) {
    let before: Vec<_> =
        ["lipsyncd.db", "lipsyncd.db-wal"].map(|part| print(test_env, part)).into();
    for query in queries() {
        let output = ask(test_env, &query.sql);
        let reported = String::from_utf8_lossy(&output.stderr);
        let what = format!("{when}: {}", query.heading);
        assert!(output.status.success() && reported.is_empty(), "{what}: {reported}");
        assert!(!output.stdout.is_empty() || query.may_find_nothing, "{what}: nothing is found");
    }
    let write = ask(test_env, "UPDATE daemon_state SET hold = 'mine'");
    assert!(!write.status.success(), "{when}: a reader wrote");
    if when != "while it runs" {
        let after: Vec<_> =
            ["lipsyncd.db", "lipsyncd.db-wal"].map(|part| print(test_env, part)).into();
        assert_eq!(before, after, "{when}: a reader changed something");
    }
}

fn print(test_env: &TestEnv, part: &str) -> (u64, i64, i64) {
    let file = fs::metadata(test_env.path(part)).unwrap();
    (file.len(), file.mtime(), file.mtime_nsec())
}

#[test]
#[expect(clippy::print_stderr, reason = "whoever runs the tests is to know")]
fn a_member_of_the_group_reads_all_and_changes_nothing() {
    let may = Command::new("setpriv").args(["--reuid", "1", "sqlite3", "--version"]).output();
    if !may.is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: this test becomes another user and asks sqlite3, not possible here");
        return;
    }
    let mut test_env = eventful();
    give(&test_env);
    ask_all(&test_env, "while it runs");
    test_env.signal("TERM");
    assert!(test_env.wait_until_ended().success());
    give(&test_env);
    ask_all(&test_env, "when it has ended");
    test_env.start();
    give(&test_env);
    test_env.kill();
    ask_all(&test_env, "when it was killed");
}
