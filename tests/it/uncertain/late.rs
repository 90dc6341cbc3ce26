//! A create request that arrives after the client gave up, and a task that shows up late.

use lipsyncd::sim::{ClientSees, Endpoint, Fault, FaultRule, SimConfig};

use super::env::{
    ask_for, learn_lookups, lenient, lose_creates, test_env, until_delivered, until_printed,
};
use crate::support::{
    daemon::{BRISK, TestEnv, Timeouts, quick},
    switches::Switches as _,
};

/// As `BRISK`, with time between the timeout of a request and the moment it is sent again.
const SETTLED_LATE: Timeouts = Timeouts { request: "600ms", settle: "5s", give_up: "24h" };
/// For so long, lookups find nothing.
const DELIVERED_AFTER_MS: u64 = 1_500;
const KEYS: [&str; 3] = ["a", "b", "c"];

/// The create requests of three jobs are delivered after the client gave up.
fn delayed(sees: ClientSees) -> TestEnv {
    let mut test_env = test_env(lenient(), 5, &SETTLED_LATE);
    test_env.start();
    learn_lookups(&test_env);
    let fault = Fault::DeliverLate { after_ms: DELIVERED_AFTER_MS, sees };
    test_env.sim.fault(FaultRule { times: Some(3), ..FaultRule::once(Endpoint::Create, fault) });
    ask_for(&test_env, &KEYS);
    test_env.until("all requests to be kept", |test_env| test_env.sim.kept() == 3);
    test_env
}

fn assert_sent_once(test_env: &TestEnv) {
    until_delivered(test_env, &KEYS);
    test_env.sim.assert_requests(4);
    for key in KEYS {
        assert_eq!(test_env.count_history(key, "what LIKE '%again as%'"), 0, "{key}");
    }
}

#[test]
fn request_that_is_delivered_after_its_timeout_is_found() {
    assert_sent_once(&delayed(ClientSees::Nothing));
}

#[test]
fn request_that_is_delivered_after_the_connection_broke_is_found() {
    assert_sent_once(&delayed(ClientSees::Broken { after_ms: 50 }));
}

#[test]
fn request_that_is_delivered_after_a_proxys_504_is_found_and_the_reason_names_504() {
    let test_env = delayed(ClientSees::Page { status: 504, after_ms: 50 });
    until_printed(
        &test_env,
        "a",
        &["creating", "504", "sent once, at ", "checking whether Kling accepted"],
    );
    assert_sent_once(&test_env);
}

#[test]
fn request_that_is_delivered_after_it_was_sent_again_is_refused_by_its_name() {
    // Only the API can distinguish this request from the second send.
    let mut test_env = test_env(quick(), 5, &BRISK);
    test_env.start();
    learn_lookups(&test_env);
    test_env.sim.keep_creates(3, ClientSees::Broken { after_ms: 50 });
    ask_for(&test_env, &KEYS);
    until_delivered(&test_env, &KEYS);
    test_env.sim.deliver_kept();
    test_env.until("all requests to be delivered", |test_env| test_env.sim.kept() == 0);
    test_env.sim.assert_requests(4);
    assert_eq!(test_env.ledger().refused(Endpoint::Create, 1201), 3);
}

#[test]
fn task_that_shows_up_within_the_settle_time_is_found() {
    let config = SimConfig { visibility_lag_ms: 1_500, ..lenient() };
    let mut test_env = test_env(config, 5, &SETTLED_LATE);
    lose_creates(&test_env, 3, true);
    ask_for(&test_env, &KEYS);
    test_env.start();
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(3);
    assert_eq!(test_env.ledger().accepted(Endpoint::Create), 3);
}

#[test]
fn task_that_shows_up_after_the_settle_time_is_adopted_because_its_name_is_taken() {
    // More than two times `create_settle`.
    let config = SimConfig { visibility_lag_ms: 2_500, ..quick() };
    let mut test_env = test_env(config, 5, &BRISK);
    lose_creates(&test_env, 3, true);
    ask_for(&test_env, &KEYS);
    test_env.start();
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(3);
    // The refusal proves that the task exists: the request is not sent again and again.
    assert!(
        test_env.ledger().refused(Endpoint::Create, 1201) <= 3,
        "{:?}",
        test_env.ledger().calls
    );
}
