//! The database is lost: results on disk are recognised, and other tasks are found by their names.

use std::fs;

use lipsyncd::sim::{Call, SimConfig};

use super::env::{
    ask_for, assert_delivered, assert_names, done, house, lenient, lose_database, lose_results,
    task_of, until_all, until_delivered,
};
use crate::support::{
    daemon::{BRISK, House, job_of, slow},
    switches::Switches as _,
};

const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Three takes of one request were made: by two retries, or by `take:` in manifests.
fn three_takes(config: SimConfig) -> House {
    let mut house = house(config, 5, &BRISK);
    ask_for(&house, &["x"]);
    house.start();
    until_delivered(&house, &["x"]);
    for take in 2..=3 {
        done(&house, &["retry", "x", "--yes"]);
        house.until(&format!("take {take}"), |house| house.ledger().tasks.len() == take);
        house.until("the take to succeed", |house| {
            house.job("x").is_some_and(|job| job.state == "succeeded" && job.attempt == take as i64)
        });
    }
    until_delivered(&house, &["x"]);
    house
}

#[test]
fn running_tasks_of_edited_manifests_are_found() {
    let config = SimConfig { unique_external_ids: false, ..slow() };
    let mut house = house(config, 5, &BRISK);
    ask_for(&house, &KEYS[..4]);
    house.start();
    until_all(&house, &KEYS[..4], "processing");
    lose_database(&mut house);
    for (key, more) in [("a", "labels: { team: dub }"), ("b", "priority: 7"), ("c", "take: 1")] {
        house.drop_in_old(&format!("{key}.yaml"), format!("{}{more}\n", job_of(key)));
    }
    house.start();
    until_all(&house, &KEYS[..4], "processing");
    house.finish_tasks();
    until_delivered(&house, &KEYS[..4]);
    house.sim.assert_requests(4);
}

#[test]
fn tasks_whose_results_were_moved_away_are_found() {
    let mut house = house(lenient(), 5, &BRISK);
    ask_for(&house, &KEYS);
    house.start();
    until_delivered(&house, &KEYS);
    lose_database(&mut house);
    lose_results(&house);
    house.start();
    until_delivered(&house, &KEYS);
    house.sim.assert_requests(8);
}

#[test]
fn takes_are_recognised_by_their_results_without_any_lookup() {
    let mut house = three_takes(SimConfig { answers_external_lookups: false, ..lenient() });
    let newest = task_of(&house, "x");
    let downloads = house.ledger().accepted(Call::Download);
    lose_database(&mut house);
    house.start();
    house.until_state("x", "succeeded");
    assert_delivered(&house, "x", &newest);
    assert_names(&house, 3);
    assert_eq!(house.ledger().accepted(Call::Download), downloads, "nothing is fetched again");
    // The next take is the fourth: the third was used up.
    done(&house, &["retry", "x", "--yes"]);
    house.until("the fourth take", |house| house.ledger().tasks.len() == 4);
    assert!(task_of(&house, "x").external_task_id.unwrap().ends_with("-4"));
}

#[test]
fn takes_are_found_upwards_by_their_names() {
    let mut house = three_takes(lenient());
    let newest = task_of(&house, "x");
    lose_database(&mut house);
    lose_results(&house);
    house.start();
    house.until_state("x", "succeeded");
    assert_delivered(&house, "x", &newest);
    assert_names(&house, 3);
    done(&house, &["retry", "x", "--yes"]);
    house.until("the fourth take", |house| house.ledger().tasks.len() == 4);
    assert!(task_of(&house, "x").external_task_id.unwrap().ends_with("-4"));
}

#[test]
fn takes_that_manifests_ask_for_are_found() {
    let mut house = house(lenient(), 5, &BRISK);
    let keys = ["one", "two", "three"];
    for (key, take) in keys.into_iter().zip(1..) {
        house.drop_in_old(&format!("{key}.yaml"), format!("{}take: {take}\n", job_of("x")));
    }
    house.start();
    until_all(&house, &keys, "succeeded");
    let tasks = house.ledger().tasks;
    lose_database(&mut house);
    lose_results(&house);
    house.start();
    until_all(&house, &keys, "succeeded");
    assert_names(&house, 3);
    for key in keys {
        let name = house.job(key).unwrap().external_task_id;
        let task = tasks.iter().find(|task| task.external_task_id.as_ref() == Some(&name));
        assert_delivered(&house, key, task.unwrap());
    }
}

#[test]
fn highest_take_that_has_not_failed_is_joined() {
    let mut house = house(SimConfig { unique_external_ids: false, ..slow() }, 5, &BRISK);
    house.drop_in_old("x.yaml", job_of("x").replace("_ms=9000", "_ms=9000&fail=too%20dark"));
    house.start();
    for take in 1..=2 {
        house.until(&format!("take {take}"), |house| house.ledger().tasks.len() == take);
        house.until_state("x", "processing");
        house.finish_tasks();
        house.until_state("x", "failed");
        done(&house, &["retry", "x", "--yes"]);
    }
    house.until_state("x", "processing");
    lose_database(&mut house);
    let _none = fs::remove_dir_all(house.path("output"));
    house.start();
    // The third is in progress: it is followed, and no fourth is paid for.
    house.until("the third take to be followed", |house| {
        house.job("x").is_some_and(|job| job.state == "processing" && job.attempt == 3)
    });
    assert_names(&house, 3);
}
