//! The key is changed while create requests are open: a rotated key is the same account, another account's is not.

use lipsyncd::sim::{ApiKey, SimConfig};

use super::env::{
    HASTY, ask_for, done, learn_lookups, leave_creates_open, lenient, lose_database, lose_results,
    slots_used, test_env, until_all, until_delivered, until_printed,
};
use crate::support::{
    daemon::{BRISK, TestEnv},
    switches::Switches as _,
};

const ROTATED: &[(&str, &str)] =
    &[("KLING_ACCESS_KEY", "rotated-key"), ("KLING_SECRET_KEY", "rotated-secret")];
const OTHER: &[(&str, &str)] =
    &[("KLING_ACCESS_KEY", "other-key"), ("KLING_SECRET_KEY", "other-secret")];
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

fn api() -> SimConfig {
    SimConfig {
        more_keys: vec![
            ApiKey::keys(0, "rotated-key", "rotated-secret"),
            ApiKey::keys(1, "other-key", "other-secret"),
        ],
        ..lenient()
    }
}

/// Four create requests are open when the daemon ends.
fn open_creates(knows_account: bool, accepted: bool) -> TestEnv {
    let mut test_env = test_env(api(), 5, &HASTY);
    test_env.start();
    if knows_account {
        learn_lookups(&test_env);
    }
    leave_creates_open(&mut test_env, &KEYS, accepted);
    test_env
}

#[test]
fn open_creates_are_found_with_a_rotated_key() {
    for knows_account in [true, false] {
        let mut test_env = open_creates(knows_account, true);
        test_env.start_with(ROTATED);
        until_delivered(&test_env, &KEYS);
        test_env.sim.assert_requests(if knows_account { 5 } else { 4 });
    }
}

#[test]
fn open_creates_that_never_arrived_are_sent_again_once_an_old_task_shows_that_it_is_the_same_account()
 {
    let mut test_env = open_creates(true, false);
    test_env.start_with(ROTATED);
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(5);
}

#[test]
fn open_creates_are_left_to_a_person_where_nothing_shows_that_it_is_the_same_account() {
    let mut test_env = open_creates(false, false);
    test_env.start_with(ROTATED);
    until_printed(
        &test_env,
        "a",
        &[
            "creating",
            "the create request was sent with ",
            ", and nothing shows that ",
            " belongs to the same account",
        ],
    );
    until_all(&test_env, &KEYS, "unresolved");
    assert_eq!((slots_used(&test_env), test_env.ledger().tasks.len()), (0, 0));
    for key in KEYS {
        done(&test_env, &["resolve", key, "--resend"]);
    }
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(4);
}

#[test]
fn open_creates_are_not_sent_again_with_the_key_of_another_account() {
    let mut test_env = open_creates(true, true);
    test_env.start_with(OTHER);
    until_all(&test_env, &KEYS, "unresolved");
    assert_eq!(slots_used(&test_env), 0);
    // Other jobs run in the meantime.
    ask_for(&test_env, &["next"]);
    test_env.until_state("next", "succeeded");
    test_env.sim.assert_requests(6);
    test_env.kill();
    test_env.start();
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(6);
}

#[test]
fn lost_database_and_a_rotated_key_pay_nothing() {
    let mut test_env = test_env(api(), 5, &BRISK);
    ask_for(&test_env, &KEYS);
    test_env.start();
    until_delivered(&test_env, &KEYS);
    lose_database(&mut test_env);
    lose_results(&test_env);
    test_env.start_with(ROTATED);
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(4);
}
