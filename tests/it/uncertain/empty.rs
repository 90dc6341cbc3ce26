//! The API answers for an unknown name with a success without a task, or with 500: that proves nothing.

use lipsyncd::sim::{SimConfig, UnknownTask};

use super::env::{
    HASTY, ask_for, assert_names, done, learn_lookups, lenient, lose_creates, lose_database,
    lose_results, refused, slots_used, task_of, test_env, until_all, until_delivered,
    until_printed,
};
use crate::support::{daemon::BRISK, daemon::TestEnv, switches::Switches as _};

/// An API that answers unknown names in this way, and refuses no known name.
fn api(unknown_task: UnknownTask) -> SimConfig {
    SimConfig { unknown_task, concurrency: 2, ..lenient() }
}

/// Two jobs take both slots, and lose their create requests.
fn two_lost(unknown: UnknownTask, answers_names: bool, accepted: bool) -> TestEnv {
    let config = SimConfig { answers_external_lookups: answers_names, ..api(unknown) };
    let mut test_env = test_env(config, 2, &HASTY);
    lose_creates(&test_env, 2, accepted);
    ask_for(&test_env, &["lost-a", "lost-b"]);
    test_env.start();
    test_env
}

#[test]
fn requests_that_never_arrived_free_their_slots_and_are_sent_again_once_lookups_are_proven() {
    use UnknownTask::{EmptyList, EmptyObject, Null, NullTask};
    for unknown in [Null, EmptyList, EmptyObject, NullTask] {
        let test_env = two_lost(unknown, true, false);
        until_printed(
            &test_env,
            "lost-a",
            &["creating", "sent once", "Kling answers with an empty success, which proves nothing"],
        );
        until_all(&test_env, &["lost-a", "lost-b"], "unresolved");
        assert_eq!((slots_used(&test_env), test_env.ledger().tasks.len()), (0, 0), "{unknown:?}");
        // The first task that exists shows that lookups by name are answered, so that absence can be believed.
        ask_for(&test_env, &["next"]);
        until_delivered(&test_env, &["next", "lost-a", "lost-b"]);
        test_env.sim.assert_requests(3);
    }
}

#[test]
fn absence_is_believed_where_lookups_of_existing_names_are_answered() {
    use UnknownTask::{EmptyList, EmptyObject, Null, NullTask};
    for unknown in [Null, EmptyList, EmptyObject, NullTask] {
        let mut test_env = test_env(api(unknown), 2, &BRISK);
        test_env.start();
        learn_lookups(&test_env);
        lose_creates(&test_env, 1, false);
        ask_for(&test_env, &["dropped"]);
        until_delivered(&test_env, &["dropped"]);
        lose_creates(&test_env, 1, true);
        ask_for(&test_env, &["accepted"]);
        until_delivered(&test_env, &["accepted"]);
        test_env.sim.assert_requests(3);
    }
}

#[test]
fn accepted_requests_that_no_lookup_shows_free_their_slots_and_wait_for_a_person() {
    for unknown in UnknownTask::ALL {
        let test_env = two_lost(unknown, false, true);
        until_all(&test_env, &["lost-a", "lost-b"], "unresolved");
        assert_eq!(slots_used(&test_env), 0, "{unknown:?}");
        ask_for(&test_env, &["next"]);
        until_delivered(&test_env, &["next"]);
        for key in ["lost-a", "lost-b"] {
            assert_eq!(test_env.state(key), "unresolved", "{unknown:?}");
            let own = task_of(&test_env, key).task_id;
            refused(&test_env, &["resolve", key, "--resend"], &[&own]);
            done(&test_env, &["resolve", key, "--task", &own]);
        }
        until_delivered(&test_env, &["lost-a", "lost-b"]);
        test_env.sim.assert_requests(3);
    }
}

#[test]
fn server_error_for_unknown_names_stops_nothing() {
    let test_env = two_lost(UnknownTask::ServerError, true, false);
    until_printed(
        &test_env,
        "lost-a",
        &["creating", "sent once", "the last lookup failed", "5000"],
    );
    until_all(&test_env, &["lost-a", "lost-b"], "unresolved");
    assert_eq!(slots_used(&test_env), 0);
    ask_for(&test_env, &["next"]);
    until_delivered(&test_env, &["next"]);
    for key in ["lost-a", "lost-b"] {
        // The list was read to its end, and shows no task that it could be.
        done(&test_env, &["resolve", key, "--resend"]);
    }
    until_delivered(&test_env, &["lost-a", "lost-b"]);
    test_env.sim.assert_requests(3);
}

#[test]
fn lost_database_pays_nothing_however_unknown_names_are_answered() {
    for unknown in UnknownTask::ALL {
        let mut test_env = test_env(api(unknown), 2, &BRISK);
        ask_for(&test_env, &["a", "b"]);
        test_env.start();
        until_delivered(&test_env, &["a", "b"]);
        lose_database(&mut test_env);
        lose_results(&test_env);
        test_env.start();
        until_delivered(&test_env, &["a", "b"]);
        assert_names(&test_env, 2);
    }
}
