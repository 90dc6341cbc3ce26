//! Kling shows a task in the list earlier than by its name, or stops answering lookups by name.

use lipsyncd::sim::{Call, Lags, SimConfig};

use super::env::{
    ask_for, done, house, learn_lookups, lenient, lose_creates, refused, restart, slots_used,
    task_of, until_all, until_delivered, until_printed,
};
use crate::support::{daemon::BRISK, daemon::House, switches::Switches as _};

/// Longer than any scenario.
const BY_NAME: Lags = Lags { by_id_ms: None, by_name_ms: Some(600_000), list_ms: None };

fn learned(list_shows_external_ids: bool) -> House {
    let config = SimConfig { list_shows_external_ids, ..lenient() };
    let mut house = house(config, 5, &BRISK);
    house.start();
    learn_lookups(&house);
    house
}

#[test]
fn task_that_the_list_names_is_adopted() {
    let house = learned(true);
    house.sim.lag(BY_NAME);
    lose_creates(&house, 2, true);
    ask_for(&house, &["a", "b"]);
    until_delivered(&house, &["a", "b"]);
    house.sim.assert_requests(3);
    assert_eq!(house.ledger().accepted(Call::Create), 3, "nothing was sent again");
}

#[test]
fn task_that_the_list_shows_without_a_name_is_left_to_a_person_or_to_a_later_lookup() {
    let mut house = learned(false);
    house.sim.lag(BY_NAME);
    lose_creates(&house, 2, true);
    ask_for(&house, &["a", "b"]);
    until_all(&house, &["a", "b"], "unresolved");
    assert_eq!(slots_used(&house), 0);
    let (own, other) = (task_of(&house, "a").task_id, task_of(&house, "b").task_id);
    let shown = done(&house, &["show", "a"]).out;
    assert!(shown.contains(&format!("lipsyncd resolve a --task {own}")), "{shown}");
    assert!(!shown.contains(&other), "a task of another video: {shown}");
    refused(&house, &["resolve", "a", "--resend"], &[&own, "paid twice", "--yes"]);
    done(&house, &["resolve", "a", "--task", &own]);
    until_delivered(&house, &["a"]);

    house.sim.lag(Lags::default());
    restart(&mut house);
    until_delivered(&house, &["b"]);
    house.sim.assert_requests(3);
    assert_eq!(house.ledger().accepted(Call::Create), 3, "nothing was sent again");
}

#[test]
fn lookups_that_stop_working_are_replaced_by_a_list_that_names_its_tasks() {
    let house = learned(true);
    house.sim.answer_names(false);
    for (key, accepted) in [("accepted", true), ("dropped", false)] {
        lose_creates(&house, 1, accepted);
        ask_for(&house, &[key]);
        until_delivered(&house, &[key]);
    }
    house.sim.assert_requests(3);
}

#[test]
fn lookups_that_stop_working_prove_no_absence() {
    let house = learned(false);
    house.sim.answer_names(false);
    lose_creates(&house, 1, false);
    ask_for(&house, &["dropped"]);
    until_printed(&house, "dropped", &["unresolved", "lipsyncd resolve dropped"]);
    assert_eq!((slots_used(&house), house.ledger().tasks.len()), (0, 1));
    let shown = done(&house, &["show", "dropped"]).out;
    assert!(shown.contains("answers no lookups by external_task_id any more"), "{shown}");
    // The list was read to its end, and shows no task that it could be.
    done(&house, &["resolve", "dropped", "--resend"]);
    until_delivered(&house, &["dropped"]);
    house.sim.assert_requests(2);
}

#[test]
fn lookups_that_stop_working_after_requests_were_accepted_pay_nothing_twice() {
    let house = learned(false);
    house.sim.answer_names(false);
    lose_creates(&house, 2, true);
    ask_for(&house, &["a", "b"]);
    until_all(&house, &["a", "b"], "unresolved");
    for key in ["a", "b"] {
        let own = task_of(&house, key).task_id;
        refused(&house, &["resolve", key, "--resend"], &[&own]);
        done(&house, &["resolve", key, "--task", &own]);
    }
    until_delivered(&house, &["a", "b"]);
    house.sim.assert_requests(3);
}
