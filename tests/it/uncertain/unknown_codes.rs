//! Codes that are not on the API's page: what they concern follows from the HTTP status.

use lipsyncd::sim::{Endpoint, Fault, FaultRule, Sim};

use super::env::{ask_for, lenient, until_all, until_delivered, until_printed};
use crate::support::{
    daemon::{STEADY, TestEnv},
    switches::Switches as _,
};

const WORDS: &str = "This product is not activated";

fn refusal(status: u16) -> Fault {
    let message = Some(WORDS.to_owned());
    Fault::Code { code: 1119, status: Some(status), retry_after_s: None, message }
}

fn test_env() -> TestEnv {
    let test_env = TestEnv::new(lenient());
    test_env.configure_with(&STEADY, 5, "pause: { probe_interval: 200ms }\n");
    test_env
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("job-{n:02}")).collect()
}

#[test]
fn refused_account_pauses_the_queue_and_identifies_no_further_video() {
    for status in [401, 402, 403] {
        let mut test_env = test_env();
        test_env.sim.fault(FaultRule::always(Endpoint::Create, refusal(status)));
        let keys = names(20);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        ask_for(&test_env, &keys);
        test_env.start();
        test_env.until("the pause in `status`", |test_env| {
            let status = test_env.run(&["status"]).out;
            status.contains("paused") && status.contains(WORDS) && status.contains("1119")
        });
        let refused = |test_env: &TestEnv| test_env.ledger().refused(Endpoint::Create, 1119);
        let identified = |test_env: &TestEnv| test_env.ledger().accepted(Endpoint::Identify);
        // Calls that began before the pause have ended by the first probe.
        let before = refused(&test_env);
        test_env.until("a probe", |test_env| refused(test_env) > before);
        let (before, videos) = (refused(&test_env), identified(&test_env));
        assert!(videos < 20, "{status}: {videos}");
        test_env.until("more probes", |test_env| refused(test_env) >= before + 4);
        assert_eq!(identified(&test_env), videos, "{status}");
        let is_unfinished = |(_, state): &(String, String)| state != "failed";
        assert!(test_env.states().iter().all(is_unfinished), "{status}");
        test_env.sim.control(Sim::clear_faults);
        until_all(&test_env, &keys, "succeeded");
        test_env.sim.assert_requests(20);
        assert_eq!(identified(&test_env), 20, "{status}");
    }
}

#[test]
fn unknown_code_with_429_slows_down_and_fails_nothing() {
    let mut test_env = test_env();
    for call in [Endpoint::Identify, Endpoint::Create] {
        test_env.sim.fault(FaultRule { times: Some(2), ..FaultRule::once(call, refusal(429)) });
    }
    ask_for(&test_env, &["a", "b"]);
    test_env.start();
    until_delivered(&test_env, &["a", "b"]);
    test_env.sim.assert_requests(2);
}

#[test]
fn unknown_code_with_another_status_fails_its_job_only() {
    let mut test_env = test_env();
    let matching = Some("bad".to_owned());
    let rule = FaultRule { matching, ..FaultRule::always(Endpoint::Identify, refusal(422)) };
    test_env.sim.fault(rule);
    ask_for(&test_env, &["bad", "good"]);
    test_env.start();
    until_printed(&test_env, "bad", &["failed", "1119", WORDS]);
    until_delivered(&test_env, &["good"]);
    test_env.sim.fault(FaultRule::once(Endpoint::Create, refusal(400)));
    ask_for(&test_env, &["worse"]);
    until_printed(&test_env, "worse", &["failed", "1119", WORDS]);
    test_env.sim.assert_requests(1);
}

/// A refusal of the queries alone is probed by a query: no task is paid for while results cannot be fetched.
#[test]
fn refused_queries_pause_the_queue_until_a_query_is_answered() {
    for status in [401, 403] {
        let mut test_env = test_env();
        test_env.start();
        ask_for(&test_env, &["a"]);
        until_delivered(&test_env, &["a"]);
        for call in [Endpoint::Query, Endpoint::List] {
            test_env.sim.fault(FaultRule::always(call, refusal(status)));
        }
        ask_for(&test_env, &["b"]);
        test_env.until("the pause in `status`", |test_env| {
            let status = test_env.run(&["status"]).out;
            status.contains("paused") && status.contains("1119")
        });
        let refused = |test_env: &TestEnv| {
            let ledger = test_env.ledger();
            ledger.refused(Endpoint::Query, 1119) + ledger.refused(Endpoint::List, 1119)
        };
        let (before, paid) = (refused(&test_env), test_env.ledger().tasks.len());
        ask_for(&test_env, &["c", "d"]);
        test_env.until("more probes", |test_env| refused(test_env) >= before + 4);
        assert_eq!(test_env.ledger().tasks.len(), paid, "{status}");
        test_env.sim.control(Sim::clear_faults);
        until_delivered(&test_env, &["b", "c", "d"]);
        test_env.sim.assert_requests(4);
    }
}
