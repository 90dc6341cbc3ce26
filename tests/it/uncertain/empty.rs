//! An unknown name is answered with a success that has no task, or with 500: that proves nothing.

use lipsyncd::sim::{SimConfig, UnknownTask};

use super::env::{
    HASTY, ask_for, assert_names, done, house, learn_lookups, lenient, lose_creates, lose_database,
    lose_results, refused, slots_used, task_of, until_all, until_delivered, until_printed,
};
use crate::support::{daemon::BRISK, daemon::House, switches::Switches as _};

/// An API that answers unknown names in this way, and refuses no known name.
fn api(unknown_task: UnknownTask) -> SimConfig {
    SimConfig { unknown_task, concurrency: 2, ..lenient() }
}

/// Two jobs take both slots, and lose their create requests.
fn two_lost(unknown: UnknownTask, answers_names: bool, accepted: bool) -> House {
    let config = SimConfig { answers_external_lookups: answers_names, ..api(unknown) };
    let mut house = house(config, 2, &HASTY);
    lose_creates(&house, 2, accepted);
    ask_for(&house, &["lost-a", "lost-b"]);
    house.start();
    house
}

#[test]
fn requests_that_never_arrived_free_their_slots_and_are_sent_again_once_lookups_are_proven() {
    use UnknownTask::{EmptyList, EmptyObject, Null, NullTask};
    for unknown in [Null, EmptyList, EmptyObject, NullTask] {
        let house = two_lost(unknown, true, false);
        until_printed(&house, "lost-a", &["creating", "sent once", "empty success"]);
        until_all(&house, &["lost-a", "lost-b"], "unresolved");
        assert_eq!((slots_used(&house), house.ledger().tasks.len()), (0, 0), "{unknown:?}");
        // The first task that exists shows that lookups by name are answered, so that absence can be believed.
        ask_for(&house, &["next"]);
        until_delivered(&house, &["next", "lost-a", "lost-b"]);
        house.sim.assert_requests(3);
    }
}

#[test]
fn absence_is_believed_where_lookups_of_existing_names_are_answered() {
    use UnknownTask::{EmptyList, EmptyObject, Null, NullTask};
    for unknown in [Null, EmptyList, EmptyObject, NullTask] {
        let mut house = house(api(unknown), 2, &BRISK);
        house.start();
        learn_lookups(&house);
        lose_creates(&house, 1, false);
        ask_for(&house, &["dropped"]);
        until_delivered(&house, &["dropped"]);
        lose_creates(&house, 1, true);
        ask_for(&house, &["accepted"]);
        until_delivered(&house, &["accepted"]);
        house.sim.assert_requests(3);
    }
}

#[test]
fn accepted_requests_that_no_lookup_shows_free_their_slots_and_wait_for_a_person() {
    for unknown in UnknownTask::ALL {
        let house = two_lost(unknown, false, true);
        until_all(&house, &["lost-a", "lost-b"], "unresolved");
        assert_eq!(slots_used(&house), 0, "{unknown:?}");
        ask_for(&house, &["next"]);
        until_delivered(&house, &["next"]);
        for key in ["lost-a", "lost-b"] {
            assert_eq!(house.state(key), "unresolved", "{unknown:?}");
            let own = task_of(&house, key).task_id;
            refused(&house, &["resolve", key, "--resend"], &[&own]);
            done(&house, &["resolve", key, "--task", &own]);
        }
        until_delivered(&house, &["lost-a", "lost-b"]);
        house.sim.assert_requests(3);
    }
}

#[test]
fn server_error_for_unknown_names_stops_nothing() {
    let house = two_lost(UnknownTask::ServerError, true, false);
    until_printed(&house, "lost-a", &["creating", "sent once", "the last lookup failed", "5000"]);
    until_all(&house, &["lost-a", "lost-b"], "unresolved");
    assert_eq!(slots_used(&house), 0);
    ask_for(&house, &["next"]);
    until_delivered(&house, &["next"]);
    for key in ["lost-a", "lost-b"] {
        // The list was read to its end, and shows no task that it could be.
        done(&house, &["resolve", key, "--resend"]);
    }
    until_delivered(&house, &["lost-a", "lost-b"]);
    house.sim.assert_requests(3);
}

#[test]
fn lost_database_pays_nothing_however_unknown_names_are_answered() {
    for unknown in UnknownTask::ALL {
        let mut house = house(api(unknown), 2, &BRISK);
        ask_for(&house, &["a", "b"]);
        house.start();
        until_delivered(&house, &["a", "b"]);
        lose_database(&mut house);
        lose_results(&house);
        house.start();
        until_delivered(&house, &["a", "b"]);
        assert_names(&house, 2);
    }
}
