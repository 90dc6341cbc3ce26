//! Lookups that fail for longer than `give_up_after` leave a job to a person, free its slot, and continue
//! automatically when lookups work again.

use lipsyncd::sim::{Endpoint, Fault, FaultRule, Sim, SimConfig};

use super::env::{
    HASTY, ask_for, done, learn_lookups, lenient, lose_creates, slots_used, task_of, test_env,
    until_delivered, until_printed,
};
use crate::support::{daemon::TestEnv, switches::Switches as _};

/// The only slot is taken by a job whose create request was lost, and whose lookups fail for longer than
/// `give_up_after`; a second job waits.
fn lookups_failed(fail: impl Fn(&TestEnv)) -> TestEnv {
    let mut test_env = test_env(lenient(), 1, &HASTY);
    test_env.start();
    learn_lookups(&test_env);
    test_env.sim.set(|config| config.visibility_lag_ms = 600_000);
    lose_creates(&test_env, 1, true);
    ask_for(&test_env, &["first"]);
    test_env.until("the create request", |test_env| test_env.ledger().tasks.len() == 2);
    fail(&test_env);
    test_env.sim.set(|config| config.visibility_lag_ms = 0);
    ask_for(&test_env, &["second"]);
    until_printed(
        &test_env,
        "first",
        &["creating", "sent once, at ", "checking whether Kling accepted"],
    );
    until_printed(&test_env, "first", &["unresolved", "lipsyncd resolve first"]);
    test_env
}

#[test]
fn failing_lookups_of_one_job_free_its_slot_for_the_next() {
    let test_env = lookups_failed(|test_env| {
        let name = task_of(test_env, "first").external_task_id;
        let busy = || Fault::Code {
            code: 5002,
            status: Some(503),
            retry_after_s: None,
            message: Some("busy".to_owned()),
        };
        let of_first = FaultRule { matching: name, ..FaultRule::always(Endpoint::Query, busy()) };
        test_env.sim.fault(of_first);
        test_env.sim.fault(FaultRule::always(Endpoint::List, busy()));
    });
    until_delivered(&test_env, &["second"]);
    assert_eq!((test_env.state("first"), slots_used(&test_env)), ("unresolved".to_owned(), 0));
    test_env.sim.control(Sim::clear_faults);
    until_delivered(&test_env, &["first"]);
    test_env.sim.assert_requests(3);
}

#[test]
fn nothing_is_paid_while_all_lookups_fail_and_jobs_continue_when_they_work_again() {
    let test_env = lookups_failed(|test_env| test_env.sim.fail_lookups(true, true));
    let shown = done(&test_env, &["show", "first"]).out;
    for words in ["no lookup has shown whether Kling has the task", "5002"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // Whether another database has created the task of the second job cannot be asked.
    until_printed(&test_env, "second", &["identified", "5002"]);
    assert_eq!((slots_used(&test_env), test_env.ledger().tasks.len()), (0, 2));
    test_env.sim.fail_lookups(false, false);
    until_delivered(&test_env, &["first", "second"]);
    test_env.sim.assert_requests(3);
}

#[test]
fn job_is_looked_up_again_when_only_the_lookups_by_name_failed() {
    let test_env = lookups_failed(|test_env| test_env.sim.fail_lookups(true, false));
    test_env.sim.fail_lookups(false, false);
    until_delivered(&test_env, &["first", "second"]);
    test_env.sim.assert_requests(3);
}

#[test]
fn task_that_the_list_names_later_is_adopted_soon() {
    let config =
        SimConfig { answers_external_lookups: false, list_shows_external_ids: false, ..lenient() };
    let mut test_env = test_env(config, 1, &HASTY);
    lose_creates(&test_env, 1, true);
    ask_for(&test_env, &["late"]);
    test_env.start();
    test_env.until_state("late", "unresolved");
    let lists = |test_env: &TestEnv| test_env.ledger().accepted(Endpoint::List);
    let lists_before = lists(&test_env);
    test_env.until("lookups that show no name", |test_env| lists(test_env) > lists_before);
    test_env.sim.set(|config| config.list_shows_external_ids = true);
    until_delivered(&test_env, &["late"]);
    test_env.sim.assert_requests(1);
}

#[test]
fn lookups_that_are_learned_to_work_resolve_what_waits_for_a_person() {
    // The list does not show which task is which, either.
    let config =
        SimConfig { answers_external_lookups: false, shows_sent_videos: false, ..lenient() };
    let mut test_env = test_env(config, 1, &HASTY);
    lose_creates(&test_env, 1, true);
    ask_for(&test_env, &["accepted"]);
    test_env.start();
    test_env.until_state("accepted", "unresolved");
    lose_creates(&test_env, 1, false);
    ask_for(&test_env, &["dropped"]);
    test_env.until_state("dropped", "unresolved");
    let shown = done(&test_env, &["show", "accepted"]).out;
    assert!(shown.contains(&task_of(&test_env, "accepted").task_id), "{shown}");

    test_env.sim.answer_names(true);
    ask_for(&test_env, &["next"]);
    until_delivered(&test_env, &["next", "accepted", "dropped"]);
    test_env.sim.assert_requests(3);
}
