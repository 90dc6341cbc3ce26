//! Readiness, the line of status, and the watchdog.

use std::{fs, time::Duration};

use rusqlite::Connection;

use super::manager::Manager;
use crate::support::daemon::{House, JOB, quick, slow};

/// Short, so that the test is; what counts is who feeds it.
const WATCHDOG: (&str, &str) = ("WATCHDOG_USEC", "400000");

#[test]
fn it_is_ready_once_the_folder_has_been_read_and_counts_in_its_line_of_status() {
    let mut house = House::new(slow());
    let manager = Manager::listen(&house);
    house.drop_in_old("x.yaml", JOB);
    manager.start(&mut house, &[]);
    house.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    assert!(manager.count("EXTEND_TIMEOUT_USEC=90000000") > 0, "a start asks for its time");
    // What is in the folder is in the database by then.
    assert_ne!(house.state("x"), "");
    house.until("a slot to be counted", |_| manager.status().starts_with("1 of 5 slots used; "));
    house.until("its task to run", |house| house.ledger().tasks.len() == 1);
    house.finish_tasks();
    house.until("the end to be counted", |_| manager.status() == "0 of 5 slots used; 1 succeeded");
    house.signal("TERM");
    assert_eq!(house.ended().code(), Some(0));
    assert_eq!(manager.count("STOPPING=1"), 1);
    assert_eq!(manager.count("READY=1"), 1);
    assert_eq!(manager.count("WATCHDOG=1"), 0, "nobody asked for it");
}

#[test]
fn a_folder_that_cannot_be_read_keeps_it_from_being_ready_and_is_told() {
    let mut house = House::new(quick());
    let manager = Manager::listen(&house);
    fs::rename(house.path("jobs"), house.path("elsewhere")).unwrap();
    manager.start(&mut house, &[]);
    house.until("the folder to be missed", |_| {
        manager.status().starts_with("jobs_dir ") && manager.status().contains("cannot be read")
    });
    assert!(!house.log().contains("the folder has been read"), "{}", house.log());
    assert_eq!(manager.count("READY=1"), 0);
    fs::rename(house.path("elsewhere"), house.path("jobs")).unwrap();
    house.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    fs::rename(house.path("jobs"), house.path("elsewhere")).unwrap();
    house.until("the folder to be missed again", |_| {
        let status = manager.status();
        status.starts_with("jobs_dir ") && status.ends_with("0 of 5 slots used; no other jobs")
    });
}

#[test]
fn another_and_empty_folder_keeps_it_from_being_ready_and_is_told() {
    let mut house = House::new(quick());
    let manager = Manager::listen(&house);
    house.start();
    house.drop_in("x.yaml", JOB);
    house.until("its job to be known", |house| house.job("x").is_some());
    house.kill();
    fs::rename(house.path("jobs"), house.path("elsewhere")).unwrap();
    fs::create_dir(house.path("jobs")).unwrap();
    manager.start(&mut house, &[]);
    house.until("the other folder to be told", |_| {
        manager.status().contains("is another folder than before, and holds no manifest")
    });
    assert_eq!(manager.count("READY=1"), 0);
    fs::remove_dir(house.path("jobs")).unwrap();
    fs::rename(house.path("elsewhere"), house.path("jobs")).unwrap();
    house.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
}

#[test]
fn the_watchdog_is_fed_by_the_scheduler_and_starves_with_it() {
    let mut house = House::new(quick());
    let manager = Manager::listen(&house);
    let stall = house.path("stall");
    let stalled = ("LIPSYNCD_STALL", stall.to_str().unwrap());
    manager.start(&mut house, &[WATCHDOG, stalled]);
    let fed = || manager.count("WATCHDOG=1");
    // It has nothing to do, and lives.
    house.until("the watchdog to be fed again and again", |_| fed() > 5);
    fs::write(&stall, "").unwrap();
    // All but the scheduler goes on: the folder is read, and the line of status is written.
    house.until_looked_again("one");
    house.until("the status to count", |_| manager.status().contains("2 waiting"));
    let starved = fed();
    house.until_looked_again("two");
    house.until("the status to count on", |_| manager.status().contains("4 waiting"));
    assert_eq!(fed(), starved);
    fs::remove_file(&stall).unwrap();
    house.until("the watchdog to be fed", |_| fed() > starved);
}

#[test]
fn a_database_that_others_keep_locked_is_waited_for_and_is_no_reason_to_be_killed() {
    let mut house = House::new(slow());
    let manager = Manager::listen(&house);
    manager.start(&mut house, &[WATCHDOG]);
    house.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    let other = Connection::open(house.path("lipsyncd.db")).unwrap();
    other.busy_timeout(Duration::from_secs(20)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    house.drop_in("x.yaml", JOB);
    house.until("the lock to be told", |_| {
        manager.status().starts_with("waits until it can go on: state database")
    });
    let fed = manager.count("WATCHDOG=1");
    house.until("the watchdog to be fed", |_| manager.count("WATCHDOG=1") > fed + 1);
    other.execute_batch("ROLLBACK").unwrap();
    house.until_state("x", "submitted");
    house.until("the status to count again", |_| manager.status().starts_with("1 of 5 slots"));
}

#[test]
fn a_manager_that_does_not_read_holds_nothing_up_and_hears_it_later() {
    let mut house = House::new(quick());
    let manager = Manager::listen(&house);
    manager.is_full(&house);
    manager.start(&mut house, &[WATCHDOG]);
    house.drop_in("x.yaml", JOB);
    house.until_state("x", "succeeded");
    assert_eq!(manager.count("FILLED=1"), manager.heard().len(), "it was full");
    house.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    house.until("the end to be counted", |_| manager.status() == "0 of 5 slots used; 1 succeeded");
    house.until("the watchdog to be fed", |_| manager.count("WATCHDOG=1") > 0);
    manager.is_full(&house);
    house.signal("TERM");
    assert_eq!(house.ended().code(), Some(0));
}

#[test]
fn a_watchdog_of_no_time_is_none() {
    let mut house = House::new(quick());
    let manager = Manager::listen(&house);
    manager.start(&mut house, &[("WATCHDOG_USEC", "0")]);
    house.drop_in("x.yaml", JOB);
    house.until_state("x", "succeeded");
    house.until("the end to be counted", |_| manager.status() == "0 of 5 slots used; 1 succeeded");
    assert_eq!(manager.count("WATCHDOG=1"), 0);
}
