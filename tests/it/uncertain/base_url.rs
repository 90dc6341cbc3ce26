//! `kling.base_url` is changed while create requests are open and tasks are in progress.

use lipsyncd::sim::{SimConfig, SimServer};

use super::env::{
    HASTY, ask_for, done, house, learn_lookups, lenient, lose_creates, refused, restart,
    slots_used, until_all, until_delivered, until_printed,
};
use crate::support::{
    daemon::{BRISK, House, slow},
    switches::Switches as _,
};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// Another API, whose tasks have other ids.
fn other_api(house: &House) -> SimServer {
    house.start_sim(SimConfig { ids_from: 1_000_000, ..lenient() })
}

/// Four create requests are open when the daemon is pointed to another API. Lookups find nothing until then.
fn open_creates(accepted: bool) -> (House, SimServer) {
    let mut house = house(lenient(), 5, &HASTY);
    let other = other_api(&house);
    house.start();
    learn_lookups(&house);
    house.sim.set(|config| config.visibility_lag_ms = 600_000);
    lose_creates(&house, 4, accepted);
    ask_for(&house, &KEYS);
    house
        .until("all requests to be sent", |house| house.ledger().faults.values().sum::<u64>() == 4);
    house.kill();
    house.sim.set(|config| config.visibility_lag_ms = 0);
    house.set_base_url(other.base_url());
    (house, other)
}

fn host(sim: &SimServer) -> String {
    sim.addr().to_string()
}

#[test]
fn open_creates_are_not_sent_to_another_host_and_are_found_once_it_is_corrected() {
    let (mut house, other) = open_creates(true);
    house.start();
    until_printed(&house, "a", &["creating", &host(&house.sim), &host(&other)]);
    until_all(&house, &KEYS, "unresolved");
    assert_eq!(slots_used(&house), 0);
    let shown = done(&house, &["show", "a"]).out;
    assert!(shown.contains(&format!("was sent to {}", host(&house.sim))), "{shown}");
    other.assert_requests(0);
    // Other jobs run at the new host meanwhile.
    ask_for(&house, &["next"]);
    house.until_state("next", "succeeded");
    other.assert_requests(1);

    house.set_base_url(house.sim.base_url());
    restart(&mut house);
    until_delivered(&house, &KEYS);
    house.sim.assert_requests(5);
    other.assert_requests(1);
}

#[test]
fn open_create_that_never_arrived_is_sent_again_only_where_it_was_sent_first() {
    let (mut house, other) = open_creates(false);
    house.start();
    until_all(&house, &KEYS, "unresolved");
    other.assert_requests(0);
    house.set_base_url(house.sim.base_url());
    restart(&mut house);
    until_delivered(&house, &KEYS);
    house.sim.assert_requests(5);
    other.assert_requests(0);
}

#[test]
fn same_api_at_another_address_shows_what_was_created() {
    let config = SimConfig { unique_external_ids: false, ..slow() };
    let mut house = house(config, 5, &BRISK);
    house.start();
    ask_for(&house, &["running"]);
    house.until_state("running", "processing");
    lose_creates(&house, 2, true);
    ask_for(&house, &["a", "b"]);
    house.until("all requests to be sent", |house| house.ledger().tasks.len() == 3);
    house.kill();
    let address = format!("http://localhost:{}", house.sim.addr().port());
    house.set_base_url(&address);
    house.start();
    until_all(&house, &["a", "b"], "processing");
    house.finish_tasks();
    until_delivered(&house, &["running", "a", "b"]);
    house.sim.assert_requests(3);
}

#[test]
fn open_create_that_never_arrived_is_not_sent_to_another_address_of_the_same_api() {
    let (mut house, _other) = open_creates(false);
    let address = format!("localhost:{}", house.sim.addr().port());
    house.set_base_url(&format!("http://{address}"));
    house.start();
    until_printed(&house, "a", &["creating", &host(&house.sim), &address]);
    until_all(&house, &KEYS, "unresolved");
    house.sim.assert_requests(1);
    for key in KEYS {
        refused(&house, &["resolve", key, "--resend"], &["sent to another host", "--yes"]);
        done(&house, &["resolve", key, "--resend", "--yes"]);
    }
    until_delivered(&house, &KEYS);
    house.sim.assert_requests(5);
}

#[test]
fn tasks_in_progress_survive_a_wrong_address_for_longer_than_give_up_after() {
    let config = SimConfig { unique_external_ids: false, ..slow() };
    let mut house = house(config, 5, &HASTY);
    let wrong = other_api(&house);
    ask_for(&house, &KEYS);
    house.start();
    until_all(&house, &KEYS, "processing");
    house.kill();
    house.set_base_url(wrong.base_url());
    house.start();
    until_printed(&house, "a", &["processing", &host(&house.sim), "to show up"]);
    // Their slots are freed after `give_up_after`; they are asked for as long as Kling keeps results.
    house.until("the slots to be freed", |house| slots_used(house) == 0);
    ask_for(&house, &["next"]);
    house.until_state("next", "succeeded");
    house.finish_tasks();
    let retried = house.run(&["retry", "--failed", "--yes"]);
    assert_eq!(retried.code, Some(0), "{retried:?}");
    wrong.assert_requests(1);

    house.set_base_url(house.sim.base_url());
    restart(&mut house);
    house.run(&["retry", "--failed", "--yes"]);
    until_delivered(&house, &KEYS);
    house.sim.assert_requests(4);
    wrong.assert_requests(1);
}

#[test]
fn address_where_nothing_answers_loses_no_task() {
    let config = SimConfig { unique_external_ids: false, ..slow() };
    let mut house = house(config, 5, &HASTY);
    ask_for(&house, &KEYS);
    house.start();
    until_all(&house, &KEYS, "processing");
    house.kill();
    // A port that nobody listens on.
    let closed = house.start_sim(SimConfig::default());
    let address = closed.base_url().to_owned();
    drop(closed);
    house.set_base_url(&address);
    ask_for(&house, &["unsent"]);
    house.start();
    // What was not sent yet is given up; what was paid for is not.
    house.until_state("unsent", "failed");
    for key in KEYS {
        assert_eq!(house.state(key), "processing");
    }
    house.kill();
    house.set_base_url(house.sim.base_url());
    house.start();
    done(&house, &["retry", "--failed", "--yes"]);
    until_all(&house, &["unsent"], "processing");
    house.finish_tasks();
    until_delivered(&house, &KEYS);
    until_delivered(&house, &["unsent"]);
    house.sim.assert_requests(5);
}
