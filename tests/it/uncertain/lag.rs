//! Kling shows a task in the list earlier than by its name, or stops answering lookups by name.

use std::time::UNIX_EPOCH;

use lipsyncd::sim::{Endpoint, Lags, LookupStyles, SimConfig, UnknownTask};

use super::env::{
    ask_for, done, learn_lookups, lenient, lose_creates, refused, restart, slots_used, task_of,
    test_env, until_all, until_delivered, until_printed,
};
use crate::support::{daemon::BRISK, daemon::TestEnv, switches::Switches as _};

/// Longer than any scenario takes.
const BY_NAME: Lags = Lags { by_id_ms: None, by_name_ms: Some(600_000), list_ms: None };

fn learned(list_shows_external_ids: bool) -> TestEnv {
    let config = SimConfig { list_shows_external_ids, ..lenient() };
    let mut test_env = test_env(config, 5, &BRISK);
    test_env.start();
    learn_lookups(&test_env);
    test_env
}

#[test]
fn task_that_the_list_names_is_adopted() {
    let test_env = learned(true);
    test_env.sim.lag(BY_NAME);
    lose_creates(&test_env, 2, true);
    ask_for(&test_env, &["a", "b"]);
    until_delivered(&test_env, &["a", "b"]);
    test_env.sim.assert_requests(3);
    assert_eq!(test_env.ledger().accepted(Endpoint::Create), 3, "nothing was sent again");
}

#[test]
fn task_that_the_list_shows_without_a_name_is_left_to_a_person_or_to_a_later_lookup() {
    let mut test_env = learned(false);
    test_env.sim.lag(BY_NAME);
    lose_creates(&test_env, 2, true);
    ask_for(&test_env, &["a", "b"]);
    until_all(&test_env, &["a", "b"], "unresolved");
    assert_eq!(slots_used(&test_env), 0);
    let (own, other) = (task_of(&test_env, "a").task_id, task_of(&test_env, "b").task_id);
    let shown = done(&test_env, &["show", "a"]).out;
    assert!(shown.contains(&format!("lipsyncd resolve a --task {own}")), "{shown}");
    assert!(!shown.contains(&other), "a task of another video: {shown}");
    refused(&test_env, &["resolve", "a", "--resend"], &[&own, "pay twice", "--yes"]);
    done(&test_env, &["resolve", "a", "--task", &own]);
    until_delivered(&test_env, &["a"]);

    test_env.sim.lag(Lags::default());
    restart(&mut test_env);
    until_delivered(&test_env, &["b"]);
    test_env.sim.assert_requests(3);
    assert_eq!(test_env.ledger().accepted(Endpoint::Create), 3, "nothing was sent again");
}

#[test]
fn lookups_that_stop_working_are_replaced_by_a_list_that_names_its_tasks() {
    let test_env = learned(true);
    test_env.sim.answer_names(false);
    lose_creates(&test_env, 1, true);
    ask_for(&test_env, &["accepted"]);
    until_delivered(&test_env, &["accepted"]);
    // The list may lag behind: that it does not have the name proves nothing.
    lose_creates(&test_env, 1, false);
    ask_for(&test_env, &["dropped"]);
    until_all(&test_env, &["dropped"], "unresolved");
    done(&test_env, &["resolve", "dropped", "--resend"]);
    until_delivered(&test_env, &["dropped"]);
    test_env.sim.assert_requests(3);
}

#[test]
fn lookups_that_stop_working_prove_no_absence() {
    let test_env = learned(false);
    test_env.sim.answer_names(false);
    lose_creates(&test_env, 1, false);
    ask_for(&test_env, &["dropped"]);
    until_printed(&test_env, "dropped", &["unresolved", "lipsyncd resolve dropped"]);
    assert_eq!((slots_used(&test_env), test_env.ledger().tasks.len()), (0, 1));
    let shown = done(&test_env, &["show", "dropped"]).out;
    assert!(
        shown.contains("this account no longer answers lookups by external_task_id"),
        "{shown}"
    );
    // The list was read to its end, and shows no task that it could be.
    done(&test_env, &["resolve", "dropped", "--resend"]);
    until_delivered(&test_env, &["dropped"]);
    test_env.sim.assert_requests(2);
}

#[test]
fn lookups_that_stop_working_after_requests_were_accepted_pay_nothing_twice() {
    let test_env = learned(false);
    test_env.sim.answer_names(false);
    lose_creates(&test_env, 2, true);
    ask_for(&test_env, &["a", "b"]);
    until_all(&test_env, &["a", "b"], "unresolved");
    for key in ["a", "b"] {
        let own = task_of(&test_env, key).task_id;
        refused(&test_env, &["resolve", key, "--resend"], &[&own]);
        done(&test_env, &["resolve", key, "--task", &own]);
    }
    until_delivered(&test_env, &["a", "b"]);
    test_env.sim.assert_requests(3);
}

#[test]
fn an_account_that_never_answered_lookups_is_not_said_to_answer_them_no_longer() {
    let config = SimConfig { answers_external_lookups: false, ..lenient() };
    let mut test_env = test_env(config, 5, &BRISK);
    ask_for(&test_env, &["a"]);
    test_env.start();
    until_delivered(&test_env, &["a"]);
    lose_creates(&test_env, 1, false);
    ask_for(&test_env, &["b"]);
    until_printed(&test_env, "b", &["this account answers no lookups by external_task_id"]);
}

/// How much later than the names the list shows a task. Longer than `kling.create_settle`.
const LIST_LAG_MS: i64 = 4_000;

/// The API ignores a name on the list path, and answers with its list, which lags behind: it shows the task `before`, and
/// not that of the lost create request of `a`.
fn lagging_list(config: SimConfig) -> TestEnv {
    let mut test_env = test_env(SimConfig { list_shows_external_ids: true, ..config }, 5, &BRISK);
    ask_for(&test_env, &["before"]);
    test_env.start();
    until_delivered(&test_env, &["before"]);
    let is_old = |env: &TestEnv| {
        let now_ms = UNIX_EPOCH.elapsed().unwrap().as_millis();
        i64::try_from(now_ms).unwrap() - task_of(env, "before").accepted_at_ms > LIST_LAG_MS
    };
    test_env.until("the list to show the first task", is_old);
    test_env.sim.lag(Lags { by_id_ms: None, by_name_ms: None, list_ms: Some(LIST_LAG_MS) });
    lose_creates(&test_env, 1, true);
    ask_for(&test_env, &["a"]);
    test_env
}

#[test]
fn list_that_lags_behind_is_no_answer_to_a_name() {
    let lookup_styles = LookupStyles::PATH_WITH_FLAG;
    let test_env = lagging_list(SimConfig { lookup_styles, ..lenient() });
    until_delivered(&test_env, &["a"]);
    assert_eq!(test_env.ledger().accepted(Endpoint::Create), 2, "nothing was sent again");
}

#[test]
fn list_of_one_task_does_not_show_that_names_are_answered() {
    let unknown_task = UnknownTask::EmptyObject;
    let config = SimConfig { answers_external_lookups: false, unknown_task, ..lenient() };
    let test_env = lagging_list(config);
    until_printed(
        &test_env,
        "a",
        &[
            "Kling lists only one task, which does not show whether Kling answers lookups by external_task_id",
        ],
    );
    until_delivered(&test_env, &["a"]);
    assert_eq!(test_env.ledger().accepted(Endpoint::Create), 2, "nothing was sent again");
}
