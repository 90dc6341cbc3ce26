//! The key is changed while create requests are open: a rotated key is the same account, another account's is not.

use lipsyncd::sim::{ApiKey, SimConfig};

use super::env::{
    HASTY, ask_for, done, house, learn_lookups, lenient, lose_creates, lose_database, lose_results,
    slots_used, until_all, until_delivered, until_printed,
};
use crate::support::{
    daemon::{BRISK, House},
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
fn open_creates(knows_account: bool, accepted: bool) -> House {
    let mut house = house(api(), 5, &HASTY);
    house.start();
    if knows_account {
        learn_lookups(&house);
    }
    house.sim.set(|config| config.visibility_lag_ms = 600_000);
    lose_creates(&house, 4, accepted);
    ask_for(&house, &KEYS);
    house
        .until("all requests to be sent", |house| house.ledger().faults.values().sum::<u64>() == 4);
    house.kill();
    house.sim.set(|config| config.visibility_lag_ms = 0);
    house
}

#[test]
fn open_creates_are_found_with_a_rotated_key() {
    for knows_account in [true, false] {
        let mut house = open_creates(knows_account, true);
        house.start_with(ROTATED);
        until_delivered(&house, &KEYS);
        house.sim.assert_requests(if knows_account { 5 } else { 4 });
    }
}

#[test]
fn open_creates_that_never_arrived_are_sent_again_once_an_old_task_shows_that_it_is_the_same_account()
 {
    let mut house = open_creates(true, false);
    house.start_with(ROTATED);
    until_delivered(&house, &KEYS);
    house.sim.assert_requests(5);
}

#[test]
fn open_creates_are_left_to_a_person_where_nothing_shows_that_it_is_the_same_account() {
    let mut house = open_creates(false, false);
    house.start_with(ROTATED);
    until_printed(&house, "a", &["creating", "nothing shows that", "of the same account"]);
    until_all(&house, &KEYS, "unresolved");
    assert_eq!((slots_used(&house), house.ledger().tasks.len()), (0, 0));
    for key in KEYS {
        done(&house, &["resolve", key, "--resend"]);
    }
    until_delivered(&house, &KEYS);
    house.sim.assert_requests(4);
}

#[test]
fn open_creates_are_not_sent_again_with_the_key_of_another_account() {
    let mut house = open_creates(true, true);
    house.start_with(OTHER);
    until_all(&house, &KEYS, "unresolved");
    assert_eq!(slots_used(&house), 0);
    // Other jobs run meanwhile.
    ask_for(&house, &["next"]);
    house.until_state("next", "succeeded");
    house.sim.assert_requests(6);
    house.kill();
    house.start();
    until_delivered(&house, &KEYS);
    house.sim.assert_requests(6);
}

#[test]
fn lost_database_and_a_rotated_key_pay_nothing() {
    let mut house = house(api(), 5, &BRISK);
    ask_for(&house, &KEYS);
    house.start();
    until_delivered(&house, &KEYS);
    lose_database(&mut house);
    lose_results(&house);
    house.start_with(ROTATED);
    until_delivered(&house, &KEYS);
    house.sim.assert_requests(4);
}
