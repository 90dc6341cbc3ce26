//! `kling.base_url` is changed while create requests are open and tasks are in progress.

use lipsyncd::sim::{SimConfig, SimServer};

use super::env::{
    HASTY, ask_for, done, learn_lookups, leave_creates_open, lenient, lose_creates, refused,
    restart, slots_used, test_env, until_all, until_delivered, until_printed,
};
use crate::support::{
    daemon::{BRISK, TestEnv, slow},
    switches::Switches as _,
};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// Another API, whose tasks have other ids.
fn other_api(test_env: &TestEnv) -> SimServer {
    test_env.start_sim(SimConfig { ids_from: 1_000_000, ..lenient() })
}

/// Four create requests are open when the daemon is pointed to another API. Lookups find nothing until then.
fn open_creates(accepted: bool) -> (TestEnv, SimServer) {
    let mut test_env = test_env(lenient(), 5, &HASTY);
    let other = other_api(&test_env);
    test_env.start();
    learn_lookups(&test_env);
    leave_creates_open(&mut test_env, &KEYS, accepted);
    test_env.set_base_url(other.base_url());
    (test_env, other)
}

fn host(sim: &SimServer) -> String {
    sim.addr().to_string()
}

#[test]
fn open_creates_are_not_sent_to_another_host_and_are_found_once_it_is_corrected() {
    let (mut test_env, other) = open_creates(true);
    test_env.start();
    let unknown = " does not know its task: set kling.base_url back, or type `lipsyncd resolve a`";
    until_printed(&test_env, "a", &["creating", &host(&test_env.sim), &host(&other), unknown]);
    until_all(&test_env, &KEYS, "unresolved");
    assert_eq!(slots_used(&test_env), 0);
    let shown = done(&test_env, &["show", "a"]).out;
    assert!(shown.contains(&format!("was sent to {}", host(&test_env.sim))), "{shown}");
    other.assert_requests(0);
    // Other jobs run at the new host in the meantime.
    ask_for(&test_env, &["next"]);
    test_env.until_state("next", "succeeded");
    other.assert_requests(1);

    test_env.set_base_url(test_env.sim.base_url());
    restart(&mut test_env);
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(5);
    other.assert_requests(1);
}

#[test]
fn open_create_that_never_arrived_is_sent_again_only_where_it_was_sent_first() {
    let (mut test_env, other) = open_creates(false);
    test_env.start();
    until_all(&test_env, &KEYS, "unresolved");
    other.assert_requests(0);
    test_env.set_base_url(test_env.sim.base_url());
    restart(&mut test_env);
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(5);
    other.assert_requests(0);
}

#[test]
fn same_api_at_another_address_shows_what_was_created() {
    let config = SimConfig { unique_external_ids: false, ..slow() };
    let mut test_env = test_env(config, 5, &BRISK);
    test_env.start();
    ask_for(&test_env, &["running"]);
    test_env.until_state("running", "processing");
    lose_creates(&test_env, 2, true);
    ask_for(&test_env, &["a", "b"]);
    test_env.until("all requests to be sent", |test_env| test_env.ledger().tasks.len() == 3);
    test_env.kill();
    let address = format!("http://localhost:{}", test_env.sim.addr().port());
    test_env.set_base_url(&address);
    test_env.start();
    until_all(&test_env, &["a", "b"], "processing");
    test_env.finish_tasks();
    until_delivered(&test_env, &["running", "a", "b"]);
    test_env.sim.assert_requests(3);
}

#[test]
fn open_create_that_never_arrived_is_not_sent_to_another_address_of_the_same_api() {
    let (mut test_env, _other) = open_creates(false);
    let address = format!("localhost:{}", test_env.sim.addr().port());
    test_env.set_base_url(&format!("http://{address}"));
    test_env.start();
    until_printed(&test_env, "a", &["creating", &host(&test_env.sim), &address]);
    until_all(&test_env, &KEYS, "unresolved");
    test_env.sim.assert_requests(1);
    for key in KEYS {
        refused(&test_env, &["resolve", key, "--resend"], &["sent to another host", "--yes"]);
        done(&test_env, &["resolve", key, "--resend", "--yes"]);
    }
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(5);
}

#[test]
fn tasks_in_progress_survive_a_wrong_address_for_longer_than_give_up_after() {
    let config = SimConfig { unique_external_ids: false, ..slow() };
    let mut test_env = test_env(config, 5, &HASTY);
    let wrong = other_api(&test_env);
    ask_for(&test_env, &KEYS);
    test_env.start();
    until_all(&test_env, &KEYS, "processing");
    test_env.kill();
    test_env.set_base_url(wrong.base_url());
    test_env.start();
    until_printed(&test_env, "a", &["processing", &host(&test_env.sim), "does not show task"]);
    // Their slots are freed after `give_up_after`; they are asked for as long as Kling keeps results.
    test_env.until("the slots to be freed", |test_env| slots_used(test_env) == 0);
    ask_for(&test_env, &["next"]);
    test_env.until_state("next", "succeeded");
    test_env.finish_tasks();
    let retried = test_env.run(&["retry", "--failed", "--yes"]);
    assert_eq!(retried.code, Some(0), "{retried:?}");
    wrong.assert_requests(1);

    test_env.set_base_url(test_env.sim.base_url());
    restart(&mut test_env);
    test_env.run(&["retry", "--failed", "--yes"]);
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(4);
    wrong.assert_requests(1);
}

#[test]
fn address_where_nothing_answers_loses_no_task() {
    let config = SimConfig { unique_external_ids: false, ..slow() };
    let mut test_env = test_env(config, 5, &HASTY);
    ask_for(&test_env, &KEYS);
    test_env.start();
    until_all(&test_env, &KEYS, "processing");
    test_env.kill();
    // A port that nobody listens on.
    let closed = test_env.start_sim(SimConfig::default());
    let address = closed.base_url().to_owned();
    drop(closed);
    test_env.set_base_url(&address);
    ask_for(&test_env, &["unsent"]);
    test_env.start();
    // Jobs that were not sent yet fail after `give_up_after`; paid tasks do not.
    test_env.until_state("unsent", "failed");
    for key in KEYS {
        assert_eq!(test_env.state(key), "processing");
    }
    test_env.kill();
    test_env.set_base_url(test_env.sim.base_url());
    test_env.start();
    done(&test_env, &["retry", "--failed", "--yes"]);
    until_all(&test_env, &["unsent"], "processing");
    test_env.finish_tasks();
    until_delivered(&test_env, &KEYS);
    until_delivered(&test_env, &["unsent"]);
    test_env.sim.assert_requests(5);
}
