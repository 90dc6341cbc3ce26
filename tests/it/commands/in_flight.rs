//! `pause` while a daemon has create requests in flight.

use std::fs;

use lipsyncd::sim::{ClientSees, Endpoint, SimConfig};

use crate::support::{
    daemon::{JOB, TestEnv, job_of, quick, slow},
    switches::Switches,
};

const IN_FLIGHT: [&str; 2] = ["creating", "identified"];

/// A daemon whose create request was accepted, and whose answer comes after `latency_ms`.
fn sent(latency_ms: u64) -> TestEnv {
    let mut test_env = TestEnv::new(SimConfig { create_latency_ms: latency_ms, ..slow() });
    test_env.drop_in_old("a.yaml", JOB);
    test_env.start();
    test_env.until("the create request", |test_env| test_env.ledger().tasks.len() == 1);
    test_env
}

#[test]
fn pause_returns_when_the_answer_is_written_and_nothing_is_paid_for_after_it() {
    let test_env = sent(1_500);
    let ran = test_env.run(&["pause"]);
    let state = test_env.state("a");
    assert!(!IN_FLIGHT.contains(&state.as_str()), "{state} {ran:?}");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.starts_with("Queue paused: ") && !ran.err.contains("warning"), "{ran:?}");
    let (tasks, identified) =
        (test_env.ledger().tasks.len(), test_env.ledger().accepted(Endpoint::Identify));
    test_env.drop_in_old("b.yaml", job_of("b"));
    test_env.until_scanned_again("later");
    test_env.until_state("b", "queued");
    let ledger = test_env.ledger();
    assert_eq!((ledger.tasks.len(), ledger.accepted(Endpoint::Identify)), (tasks, identified));
    test_env.run(&["resume"]);
    test_env.until("the task of b", |test_env| test_env.ledger().tasks.len() == 2);
    test_env.assert_paid_once();
}

#[test]
fn pause_says_what_has_no_answer_in_time() {
    let test_env = sent(3_000);
    test_env.signal("STOP");
    let config = fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    let hasty = config.replace("request_timeout: 10s", "request_timeout: 10ms");
    fs::write(test_env.path("hasty.yaml"), hasty).unwrap();
    let ran = test_env.command_with("hasty.yaml", &["pause"]).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    test_env.signal("CONT");
    assert_eq!(ran.status.code(), Some(1), "{said}");
    for part in [
        "The queue is paused. Waiting for the answer to 1 create request in flight …\n",
        "1 create request has an unknown outcome (1 in flight, no answer in time): ",
    ] {
        assert!(said.contains(part), "{said}");
    }
    test_env.until("the answer", |test_env| test_env.state("a") != "creating");
    test_env.assert_paid_once();
}

#[test]
fn pause_says_that_an_unknown_outcome_may_still_become_a_task() {
    let mut test_env = TestEnv::new(quick());
    test_env.sim.keep_creates(1, ClientSees::Broken { after_ms: 0 });
    test_env.drop_in_old("a.yaml", JOB);
    test_env.start();
    test_env.until("the lost answer", |test_env| {
        let job = test_env.job("a");
        job.is_some_and(|job| job.waiting_for.contains("checking whether Kling accepted"))
    });
    let ran = test_env.run(&["pause"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("1 create request has an unknown outcome: Kling may"), "{ran:?}");
    assert_eq!(test_env.ledger().tasks.len(), 0);
    test_env.sim.deliver_kept();
    test_env.until_state("a", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

/// The create request of a daemon that was killed may still arrive: nothing is in flight of a process.
#[test]
fn pause_does_not_wait_for_a_daemon_that_ended() {
    let mut test_env = sent(8_000);
    test_env.kill();
    assert_eq!(test_env.state("a"), "creating");
    let ran = test_env.run(&["pause"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("1 create request has an unknown outcome: Kling may"), "{ran:?}");
    assert!(!ran.err.contains("Waiting"), "{ran:?}");
}
