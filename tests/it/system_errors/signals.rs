//! Signals at any moment: from the first one on, while the database is locked, while it ends.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::support::daemon::{JOB, TestEnv, slow};

const SIGHUP: u32 = 1;

/// Waits until the daemon handles signals, which is long before it has read its settings.
fn hears(test_env: &TestEnv) {
    test_env.until("the daemon to handle signals", |test_env| {
        let status = fs::read_to_string(format!("/proc/{}/status", test_env.pid())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() >> (SIGHUP - 1) & 1 == 1
    });
}

/// Starts a daemon that reads its settings from a pipe, so that it stops at the beginning of its start.
fn at_its_beginning(test_env: &mut TestEnv) {
    fs::rename(test_env.path("lipsyncd.yaml"), test_env.path("settings")).unwrap();
    assert!(Command::new("mkfifo").arg(test_env.path("lipsyncd.yaml")).status().unwrap().success());
    test_env.spawn();
    hears(test_env);
}

fn hand_over_settings(test_env: &TestEnv) {
    let settings = fs::read(test_env.path("settings")).unwrap();
    let mut pipe = fs::File::options().write(true).open(test_env.path("lipsyncd.yaml")).unwrap();
    pipe.write_all(&settings).unwrap();
}

#[test]
fn sighup_does_not_stop_a_starting_daemon() {
    let mut test_env = TestEnv::new(slow());
    at_its_beginning(&mut test_env);
    test_env.signal("HUP");
    hand_over_settings(&test_env);
    test_env.until("the daemon to read the folder", |test_env| {
        test_env.log().contains("has been read")
    });
    test_env.signal("TERM");
    assert_eq!(test_env.wait_until_ended().code(), Some(0));
}

#[test]
fn sigterm_stops_a_starting_daemon() {
    let mut test_env = TestEnv::new(slow());
    at_its_beginning(&mut test_env);
    test_env.signal("TERM");
    hand_over_settings(&test_env);
    assert_eq!(test_env.wait_until_ended().code(), Some(0));
    assert!(!test_env.log().contains("has been read"), "{}", test_env.log());
}

#[test]
fn a_locked_database_does_not_delay_a_stop_and_a_second_signal_stops_at_once() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until("x to be sent", |test_env| test_env.state("x") == "submitted");
    test_env.kill();
    let other = test_env.lock_database();
    for names in [&["TERM"][..], &["INT", "INT"]] {
        test_env.spawn();
        hears(&test_env);
        for name in names {
            test_env.signal(name);
            // Two signals at once may arrive as one.
            sleep(Duration::from_millis(20));
            if !test_env.is_running() {
                break;
            }
        }
        assert_eq!(test_env.wait_until_ended().code(), Some(0), "{}", test_env.log());
    }
    drop(other);
    test_env.start();
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn a_log_that_nobody_reads_does_not_keep_the_daemon_from_a_stop_at_once() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    let log = test_env.path("log");
    assert!(Command::new("mkfifo").arg(&log).status().unwrap().success());
    let _unread = fs::File::options().read(true).write(true).open(&log).unwrap();
    test_env.spawn();
    test_env.until("x to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    let does_not_block = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut filler =
        fs::File::options().write(true).custom_flags(does_not_block).open(&log).unwrap();
    for bytes in [4_096, 1] {
        while filler.write(&vec![b' '; bytes]).is_ok() {}
    }
    // Signals that come at the same moment count as one.
    let began = Instant::now();
    while test_env.is_running() {
        assert!(began.elapsed().as_secs() < 10, "it does not end");
        test_env.signal("TERM");
        sleep(Duration::from_millis(10));
    }
    assert_eq!(test_env.wait_until_ended().code(), Some(0));
}

#[test]
fn many_signals_at_any_moment_stop_the_daemon_cleanly() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    for wait_ms in [0, 2, 5, 10, 20, 40, 80] {
        let mut command = test_env.command(&["run"]);
        command.stdin(Stdio::null());
        test_env.spawn_as(command);
        hears(&test_env);
        sleep(Duration::from_millis(wait_ms));
        test_env.signal("HUP");
        test_env.signal("TERM");
        assert_eq!(
            test_env.wait_until_ended().code(),
            Some(0),
            "after {wait_ms} ms: {}",
            test_env.log()
        );
    }
    test_env.start();
    test_env.until("x to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}
