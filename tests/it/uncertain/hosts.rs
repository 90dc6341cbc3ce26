//! Two hosts work on one account, each with a database of its own.

use lipsyncd::sim::SimConfig;

use super::env::{HASTY, ask_for, lenient, lose_creates, test_env, until_all};
use crate::support::{
    daemon::{BRISK, TestEnv, slow},
    switches::Switches as _,
};

const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A second host on the account of `first`.
fn second_host(first: &TestEnv, slots: u32) -> TestEnv {
    let second = test_env(SimConfig::default(), slots, &BRISK);
    second.set_base_url(first.sim.base_url());
    second
}

#[test]
fn host_that_comes_later_adopts_what_the_other_paid_for() {
    let config = SimConfig { unique_external_ids: false, concurrency: 8, ..slow() };
    let mut first = test_env(config, 8, &BRISK);
    ask_for(&first, &KEYS);
    first.start();
    until_all(&first, &KEYS, "processing");
    let mut second = second_host(&first, 8);
    ask_for(&second, &KEYS);
    second.start();
    until_all(&second, &KEYS, "processing");
    first.finish_tasks();
    for test_env in [&first, &second] {
        until_all(test_env, &KEYS, "succeeded");
        KEYS.iter().for_each(|key| test_env.assert_complete(&format!("{key}.mp4")));
    }
    first.sim.assert_requests(8);
}

#[test]
fn lookup_is_made_when_the_request_has_its_turn_and_not_when_the_job_comes_in() {
    let config = SimConfig { unique_external_ids: false, ..slow() };
    let mut first = test_env(config, 5, &BRISK);
    first.start();
    // The only slot of the second host is taken while the first host creates the task that both ask for.
    let mut second = second_host(&first, 1);
    ask_for(&second, &["long"]);
    second.start();
    second.until_state("long", "processing");
    ask_for(&second, &["x"]);
    second.until_state("x", "identified");
    ask_for(&first, &["x"]);
    first.until_state("x", "processing");
    first.finish_tasks();
    for (test_env, keys) in [(&first, &["x"][..]), (&second, &["long", "x"])] {
        until_all(test_env, keys, "succeeded");
        keys.iter().for_each(|key| test_env.assert_complete(&format!("{key}.mp4")));
    }
    first.sim.assert_requests(2);
}

#[test]
fn host_whose_lookups_fail_pays_nothing() {
    let mut first = test_env(lenient(), 5, &HASTY);
    ask_for(&first, &["x"]);
    lose_creates(&first, 1, true);
    first.start();
    first.until_state("x", "succeeded");
    first.sim.fail_lookups(true, true);
    let mut second = second_host(&first, 5);
    ask_for(&second, &["x"]);
    second.start();
    second.until("its lookups to fail", |test_env| {
        test_env.job("x").is_some_and(|job| job.waiting_for.contains("5002"))
    });
    first.sim.fail_lookups(false, false);
    second.until_state("x", "succeeded");
    first.sim.assert_requests(1);
}
