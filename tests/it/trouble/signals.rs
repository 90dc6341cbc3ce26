//! Signals at any moment: from the first one on, while the database is locked, while it ends.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use crate::support::daemon::{House, JOB, slow};

const SIGHUP: u32 = 1;

/// Waits until the daemon hears signals, which is long before it has read its settings.
fn hears(house: &House) {
    house.until("the daemon to hear signals", |house| {
        let status = fs::read_to_string(format!("/proc/{}/status", house.pid())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() >> (SIGHUP - 1) & 1 == 1
    });
}

/// Starts a daemon whose settings come through a pipe: it stands at its very beginning.
fn at_its_beginning(house: &mut House) {
    fs::rename(house.path("lipsyncd.yaml"), house.path("settings")).unwrap();
    assert!(Command::new("mkfifo").arg(house.path("lipsyncd.yaml")).status().unwrap().success());
    house.spawn();
    hears(house);
}

fn hand_over_settings(house: &House) {
    let settings = fs::read(house.path("settings")).unwrap();
    let mut pipe = fs::File::options().write(true).open(house.path("lipsyncd.yaml")).unwrap();
    pipe.write_all(&settings).unwrap();
}

#[test]
fn a_hangup_does_not_kill_a_daemon_that_is_starting() {
    let mut house = House::new(slow());
    at_its_beginning(&mut house);
    house.signal("HUP");
    hand_over_settings(&house);
    house.until("the daemon to read the folder", |house| house.log().contains("has been read"));
    house.signal("TERM");
    assert_eq!(house.ended().code(), Some(0));
}

#[test]
fn a_daemon_that_is_told_to_end_while_it_starts_ends_well() {
    let mut house = House::new(slow());
    at_its_beginning(&mut house);
    house.signal("TERM");
    hand_over_settings(&house);
    assert_eq!(house.ended().code(), Some(0));
    assert!(!house.log().contains("has been read"), "{}", house.log());
}

#[test]
fn it_ends_well_though_others_lock_the_database_at_the_start_and_at_once_when_told_twice() {
    let mut house = House::new(slow());
    house.drop_in("x.yaml", JOB);
    house.start();
    house.until("x to be sent", |house| house.state("x") == "submitted");
    house.kill();
    let other = house.lock_out();
    for names in [&["TERM"][..], &["INT", "INT"]] {
        house.spawn();
        hears(&house);
        for name in names {
            house.signal(name);
            // Two at once may come as one.
            sleep(Duration::from_millis(20));
            if !house.is_running() {
                break;
            }
        }
        assert_eq!(house.ended().code(), Some(0), "{}", house.log());
    }
    drop(other);
    house.start();
    house.finish_tasks();
    house.until_state("x", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[test]
fn signals_in_a_hail_end_it_well_wherever_it_is() {
    let mut house = House::new(slow());
    house.drop_in("x.yaml", JOB);
    for wait_ms in [0, 2, 5, 10, 20, 40, 80] {
        let mut command = house.command(&["run"]);
        command.stdin(Stdio::null());
        house.spawn_as(command);
        hears(&house);
        sleep(Duration::from_millis(wait_ms));
        house.signal("HUP");
        house.signal("TERM");
        assert_eq!(house.ended().code(), Some(0), "after {wait_ms} ms: {}", house.log());
    }
    house.start();
    house.until("x to be sent", |house| house.ledger().tasks.len() == 1);
    house.finish_tasks();
    house.until_state("x", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 1);
}
