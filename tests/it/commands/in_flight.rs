//! `pause` while a daemon has create requests in flight.

use std::fs;

use lipsyncd::sim::{Call, ClientSees, SimConfig};

use crate::support::{
    daemon::{House, JOB, job_of, quick, slow},
    switches::Switches,
};

const IN_FLIGHT: [&str; 2] = ["creating", "identified"];

/// A daemon whose create request was accepted, and whose answer comes after `latency_ms`.
fn sent(latency_ms: u64) -> House {
    let mut house = House::new(SimConfig { create_latency_ms: latency_ms, ..slow() });
    house.drop_in_old("a.yaml", JOB);
    house.start();
    house.until("the create request", |house| house.ledger().tasks.len() == 1);
    house
}

#[test]
fn pause_returns_when_the_answer_is_written_and_nothing_is_paid_for_after_it() {
    let house = sent(1_500);
    let ran = house.run(&["pause"]);
    let state = house.state("a");
    assert!(!IN_FLIGHT.contains(&state.as_str()), "{state} {ran:?}");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.starts_with("Paused: ") && !ran.err.contains("warning"), "{ran:?}");
    let (tasks, identified) = (house.ledger().tasks.len(), house.ledger().accepted(Call::Identify));
    house.drop_in_old("b.yaml", job_of("b"));
    house.until_looked_again("later");
    house.until_state("b", "queued");
    let ledger = house.ledger();
    assert_eq!((ledger.tasks.len(), ledger.accepted(Call::Identify)), (tasks, identified));
    house.run(&["resume"]);
    house.until("the task of b", |house| house.ledger().tasks.len() == 2);
    house.assert_paid_once();
}

#[test]
fn pause_says_what_has_no_answer_in_time() {
    let house = sent(3_000);
    house.signal("STOP");
    let config = fs::read_to_string(house.path("lipsyncd.yaml")).unwrap();
    let hasty = config.replace("request_timeout: 10s", "request_timeout: 10ms");
    fs::write(house.path("hasty.yaml"), hasty).unwrap();
    let ran = house.command_with("hasty.yaml", &["pause"]).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    house.signal("CONT");
    assert_eq!(ran.status.code(), Some(1), "{said}");
    for part in [
        "The queue is paused. Waiting for the answer to 1 create request in flight …\n",
        "1 create request has an unknown outcome (1 in flight, without an answer in time): ",
    ] {
        assert!(said.contains(part), "{said}");
    }
    house.until("the answer", |house| house.state("a") != "creating");
    house.assert_paid_once();
}

#[test]
fn pause_says_that_an_unknown_outcome_may_still_become_a_task() {
    let mut house = House::new(quick());
    house.sim.keep_creates(1, ClientSees::Broken { after_ms: 0 });
    house.drop_in_old("a.yaml", JOB);
    house.start();
    house.until("the lost answer", |house| {
        let job = house.job("a");
        job.is_some_and(|job| job.waiting_for.contains("checking whether Kling accepted"))
    });
    let ran = house.run(&["pause"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("1 create request has an unknown outcome: Kling may"), "{ran:?}");
    assert_eq!(house.ledger().tasks.len(), 0);
    house.sim.deliver_kept();
    house.until_state("a", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 1);
}

/// The create request of a daemon that was killed may still arrive: nothing is in flight of a process.
#[test]
fn pause_does_not_wait_for_a_daemon_that_ended() {
    let mut house = sent(8_000);
    house.kill();
    assert_eq!(house.state("a"), "creating");
    let ran = house.run(&["pause"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("1 create request has an unknown outcome: Kling may"), "{ran:?}");
    assert!(!ran.err.contains("Waiting"), "{ran:?}");
}
