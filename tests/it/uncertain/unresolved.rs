//! Lookups that fail for longer than `give_up_after` leave a job to a person, free its slot, and go on by
//! themselves once more is known.

use lipsyncd::sim::{Call, Fault, FaultRule, Sim, SimConfig};

use super::env::{
    HASTY, ask_for, done, house, learn_lookups, lenient, lose_creates, slots_used, task_of,
    until_delivered, until_printed,
};
use crate::support::{daemon::House, switches::Switches as _};

/// The only slot is taken by a job whose create request was lost, and whose lookups fail for longer than
/// `give_up_after`; a second job waits.
fn given_up(fail: impl Fn(&House)) -> House {
    let mut house = house(lenient(), 1, &HASTY);
    house.start();
    learn_lookups(&house);
    house.sim.set(|config| config.visibility_lag_ms = 600_000);
    lose_creates(&house, 1, true);
    ask_for(&house, &["first"]);
    house.until("the create request", |house| house.ledger().tasks.len() == 2);
    fail(&house);
    house.sim.set(|config| config.visibility_lag_ms = 0);
    ask_for(&house, &["second"]);
    until_printed(&house, "first", &["creating", "sent once, at ", "next lookup"]);
    until_printed(&house, "first", &["unresolved", "lipsyncd resolve first"]);
    house
}

#[test]
fn failing_lookups_of_one_job_free_its_slot_for_the_next() {
    let house = given_up(|house| {
        let name = task_of(house, "first").external_task_id;
        let busy = || Fault::Code {
            code: 5002,
            status: Some(503),
            retry_after_s: None,
            message: Some("busy".to_owned()),
        };
        let of_first = FaultRule { matching: name, ..FaultRule::always(Call::Query, busy()) };
        house.sim.fault(of_first);
        house.sim.fault(FaultRule::always(Call::List, busy()));
    });
    until_delivered(&house, &["second"]);
    assert_eq!((house.state("first"), slots_used(&house)), ("unresolved".to_owned(), 0));
    house.sim.control(Sim::clear_faults);
    until_delivered(&house, &["first"]);
    house.sim.assert_requests(3);
}

#[test]
fn while_all_lookups_fail_nothing_is_paid_and_all_goes_on_when_they_answer_again() {
    let house = given_up(|house| house.sim.fail_lookups(true, true));
    let shown = done(&house, &["show", "first"]).out;
    for words in ["nothing has shown whether Kling has a task of this name", "5002"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // Whether another database has created the task of the second job cannot be asked.
    until_printed(&house, "second", &["identified", "5002"]);
    assert_eq!((slots_used(&house), house.ledger().tasks.len()), (0, 2));
    house.sim.fail_lookups(false, false);
    until_delivered(&house, &["first", "second"]);
    house.sim.assert_requests(3);
}

#[test]
fn job_is_looked_up_again_when_only_the_lookups_by_name_failed() {
    let house = given_up(|house| house.sim.fail_lookups(true, false));
    house.sim.fail_lookups(false, false);
    until_delivered(&house, &["first", "second"]);
    house.sim.assert_requests(3);
}

#[test]
fn lookups_that_are_learned_to_work_resolve_what_waits_for_a_person() {
    // The list does not tell them apart, either.
    let config =
        SimConfig { answers_external_lookups: false, shows_sent_videos: false, ..lenient() };
    let mut house = house(config, 1, &HASTY);
    lose_creates(&house, 1, true);
    ask_for(&house, &["accepted"]);
    house.start();
    house.until_state("accepted", "unresolved");
    lose_creates(&house, 1, false);
    ask_for(&house, &["dropped"]);
    house.until_state("dropped", "unresolved");
    let shown = done(&house, &["show", "accepted"]).out;
    assert!(shown.contains(&task_of(&house, "accepted").task_id), "{shown}");

    house.sim.answer_names(true);
    ask_for(&house, &["next"]);
    until_delivered(&house, &["next", "accepted", "dropped"]);
    house.sim.assert_requests(3);
}
