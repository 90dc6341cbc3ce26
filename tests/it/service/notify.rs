//! Readiness, the status, and the watchdog.

use std::{fs, time::Duration};

use rusqlite::Connection;

use super::manager::Manager;
use crate::support::daemon::{JOB, TestEnv, quick, slow};

/// Short, so that the test is short, too.
const WATCHDOG: (&str, &str) = ("WATCHDOG_USEC", "400000");

#[test]
fn daemon_is_ready_after_the_first_scan_and_its_status_counts_slots() {
    let mut test_env = TestEnv::new(slow());
    let manager = Manager::listen(&test_env);
    test_env.drop_in_old("x.yaml", JOB);
    manager.start(&mut test_env, &[]);
    test_env.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    assert!(manager.count("EXTEND_TIMEOUT_USEC=90000000") > 0, "a start asks for its time");
    // By then the manifests of the folder are in the database.
    assert_ne!(test_env.state("x"), "");
    test_env.until("a slot to be counted", |_| manager.status().starts_with("1 of 5 slots used; "));
    test_env.until("its task to run", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.finish_tasks();
    test_env.until("the finished job to be counted", |_| {
        manager.status() == "0 of 5 slots used; 1 succeeded"
    });
    test_env.signal("TERM");
    assert_eq!(test_env.wait_until_ended().code(), Some(0));
    assert_eq!(manager.count("STOPPING=1"), 1);
    assert_eq!(manager.count("READY=1"), 1);
    assert_eq!(manager.count("WATCHDOG=1"), 0, "nobody asked for it");
}

#[test]
fn unreadable_folder_delays_readiness_and_is_reported() {
    let mut test_env = TestEnv::new(quick());
    let manager = Manager::listen(&test_env);
    fs::rename(test_env.path("jobs"), test_env.path("elsewhere")).unwrap();
    manager.start(&mut test_env, &[]);
    test_env.until("the folder to be reported missing", |_| {
        manager.status().starts_with("cannot read jobs_dir ")
    });
    assert!(!test_env.log().contains("the folder has been read"), "{}", test_env.log());
    assert_eq!(manager.count("READY=1"), 0);
    fs::rename(test_env.path("elsewhere"), test_env.path("jobs")).unwrap();
    test_env.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    fs::rename(test_env.path("jobs"), test_env.path("elsewhere")).unwrap();
    test_env.until("the folder to be reported missing again", |_| {
        let status = manager.status();
        status.starts_with("cannot read jobs_dir ")
            && status.ends_with("0 of 5 slots used; no other jobs")
    });
}

#[test]
fn replaced_empty_folder_delays_readiness_and_is_reported() {
    let mut test_env = TestEnv::new(quick());
    let manager = Manager::listen(&test_env);
    test_env.start();
    test_env.drop_in("x.yaml", JOB);
    test_env.until("its job to be known", |test_env| test_env.job("x").is_some());
    test_env.kill();
    fs::rename(test_env.path("jobs"), test_env.path("elsewhere")).unwrap();
    fs::create_dir(test_env.path("jobs")).unwrap();
    manager.start(&mut test_env, &[]);
    test_env.until("the other folder to be reported", |_| {
        manager.status().contains("is another folder than before and has no manifests")
    });
    assert_eq!(manager.count("READY=1"), 0);
    fs::remove_dir(test_env.path("jobs")).unwrap();
    fs::rename(test_env.path("elsewhere"), test_env.path("jobs")).unwrap();
    test_env.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
}

#[test]
fn only_the_scheduler_feeds_the_watchdog() {
    let mut test_env = TestEnv::new(quick());
    let manager = Manager::listen(&test_env);
    let stall = test_env.path("stall");
    let stalled = ("LIPSYNCD_STALL", stall.to_str().unwrap());
    manager.start(&mut test_env, &[WATCHDOG, stalled]);
    let fed = || manager.count("WATCHDOG=1");
    // Without work the scheduler still feeds it.
    test_env.until("the watchdog to be fed again and again", |_| fed() > 5);
    fs::write(&stall, "").unwrap();
    // Everything but the scheduler continues: the folder is scanned, and the status is updated.
    test_env.until_scanned_again("one");
    test_env.until("the status to count", |_| manager.status().contains("2 waiting"));
    let starved = fed();
    test_env.until_scanned_again("two");
    test_env.until("the status to count on", |_| manager.status().contains("4 waiting"));
    assert_eq!(fed(), starved);
    fs::remove_file(&stall).unwrap();
    test_env.until("the watchdog to be fed", |_| fed() > starved);
}

#[test]
fn locked_database_is_waited_for_and_the_watchdog_is_still_fed() {
    let mut test_env = TestEnv::new(slow());
    let manager = Manager::listen(&test_env);
    manager.start(&mut test_env, &[WATCHDOG]);
    test_env.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    let other = Connection::open(test_env.path("lipsyncd.db")).unwrap();
    other.busy_timeout(Duration::from_secs(20)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    test_env.drop_in("x.yaml", JOB);
    test_env.until("the lock to be reported", |_| {
        manager.status().starts_with("waiting for the database: state database")
    });
    let fed = manager.count("WATCHDOG=1");
    test_env.until("the watchdog to be fed", |_| manager.count("WATCHDOG=1") > fed + 1);
    other.execute_batch("ROLLBACK").unwrap();
    test_env.until_state("x", "submitted");
    test_env.until("the status to count again", |_| manager.status().starts_with("1 of 5 slots"));
}

#[test]
fn service_manager_that_does_not_read_delays_nothing() {
    let mut test_env = TestEnv::new(quick());
    let manager = Manager::listen(&test_env);
    manager.is_full(&test_env);
    manager.start(&mut test_env, &[WATCHDOG]);
    test_env.drop_in("x.yaml", JOB);
    test_env.until_state("x", "succeeded");
    assert_eq!(manager.count("FILLED=1"), manager.received().len(), "it was full");
    test_env.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    test_env.until("the finished job to be counted", |_| {
        manager.status() == "0 of 5 slots used; 1 succeeded"
    });
    test_env.until("the watchdog to be fed", |_| manager.count("WATCHDOG=1") > 0);
    manager.is_full(&test_env);
    test_env.signal("TERM");
    assert_eq!(test_env.wait_until_ended().code(), Some(0));
}

#[test]
fn watchdog_with_zero_interval_is_off() {
    let mut test_env = TestEnv::new(quick());
    let manager = Manager::listen(&test_env);
    manager.start(&mut test_env, &[("WATCHDOG_USEC", "0")]);
    test_env.drop_in("x.yaml", JOB);
    test_env.until_state("x", "succeeded");
    test_env.until("the finished job to be counted", |_| {
        manager.status() == "0 of 5 slots used; 1 succeeded"
    });
    assert_eq!(manager.count("WATCHDOG=1"), 0);
}
