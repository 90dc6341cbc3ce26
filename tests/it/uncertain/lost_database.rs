//! The database is lost: results on disk are recognised, and other tasks are found by their names.

use std::fs;

use lipsyncd::sim::{Endpoint, SimConfig};

use super::env::{
    ask_for, assert_delivered, assert_names, done, lenient, lose_database, lose_results, task_of,
    test_env, until_all, until_delivered,
};
use crate::support::{
    daemon::{BRISK, TestEnv, job_of, slow},
    switches::Switches as _,
};

const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Three takes of one request were made: by two retries, or by `take:` in manifests.
fn three_takes(config: SimConfig) -> TestEnv {
    let mut test_env = test_env(config, 5, &BRISK);
    ask_for(&test_env, &["x"]);
    test_env.start();
    until_delivered(&test_env, &["x"]);
    for take in 2..=3 {
        done(&test_env, &["retry", "x", "--yes"]);
        test_env.until(&format!("take {take}"), |test_env| test_env.ledger().tasks.len() == take);
        test_env.until("the take to succeed", |test_env| {
            test_env
                .job("x")
                .is_some_and(|job| job.state == "succeeded" && job.attempt == take as i64)
        });
    }
    until_delivered(&test_env, &["x"]);
    test_env
}

#[test]
fn running_tasks_of_edited_manifests_are_found() {
    let config = SimConfig { unique_external_ids: false, ..slow() };
    let mut test_env = test_env(config, 5, &BRISK);
    ask_for(&test_env, &KEYS[..4]);
    test_env.start();
    until_all(&test_env, &KEYS[..4], "processing");
    lose_database(&mut test_env);
    for (key, more) in [("a", "labels: { team: dub }"), ("b", "priority: 7"), ("c", "take: 1")] {
        test_env.drop_in_old(&format!("{key}.yaml"), format!("{}{more}\n", job_of(key)));
    }
    test_env.start();
    until_all(&test_env, &KEYS[..4], "processing");
    test_env.finish_tasks();
    until_delivered(&test_env, &KEYS[..4]);
    test_env.sim.assert_requests(4);
}

#[test]
fn tasks_whose_results_were_moved_away_are_found() {
    let mut test_env = test_env(lenient(), 5, &BRISK);
    ask_for(&test_env, &KEYS);
    test_env.start();
    until_delivered(&test_env, &KEYS);
    lose_database(&mut test_env);
    lose_results(&test_env);
    test_env.start();
    until_delivered(&test_env, &KEYS);
    test_env.sim.assert_requests(8);
}

#[test]
fn takes_are_recognised_by_their_results_without_any_lookup() {
    let mut test_env = three_takes(SimConfig { answers_external_lookups: false, ..lenient() });
    let newest = task_of(&test_env, "x");
    let downloads = test_env.ledger().accepted(Endpoint::Download);
    lose_database(&mut test_env);
    test_env.start();
    test_env.until_state("x", "succeeded");
    assert_delivered(&test_env, "x", &newest);
    assert_names(&test_env, 3);
    assert_eq!(
        test_env.ledger().accepted(Endpoint::Download),
        downloads,
        "nothing is fetched again"
    );
    // The next take is the fourth: the third was used up.
    done(&test_env, &["retry", "x", "--yes"]);
    test_env.until("the fourth take", |test_env| test_env.ledger().tasks.len() == 4);
    assert!(task_of(&test_env, "x").external_task_id.unwrap().ends_with("-4"));
}

#[test]
fn takes_are_found_upwards_by_their_names() {
    let mut test_env = three_takes(lenient());
    let newest = task_of(&test_env, "x");
    lose_database(&mut test_env);
    lose_results(&test_env);
    test_env.start();
    test_env.until_state("x", "succeeded");
    assert_delivered(&test_env, "x", &newest);
    assert_names(&test_env, 3);
    done(&test_env, &["retry", "x", "--yes"]);
    test_env.until("the fourth take", |test_env| test_env.ledger().tasks.len() == 4);
    assert!(task_of(&test_env, "x").external_task_id.unwrap().ends_with("-4"));
}

#[test]
fn takes_that_manifests_ask_for_are_found() {
    let mut test_env = test_env(lenient(), 5, &BRISK);
    let keys = ["one", "two", "three"];
    for (key, take) in keys.into_iter().zip(1..) {
        test_env.drop_in_old(&format!("{key}.yaml"), format!("{}take: {take}\n", job_of("x")));
    }
    test_env.start();
    until_all(&test_env, &keys, "succeeded");
    let tasks = test_env.ledger().tasks;
    lose_database(&mut test_env);
    lose_results(&test_env);
    test_env.start();
    until_all(&test_env, &keys, "succeeded");
    assert_names(&test_env, 3);
    for key in keys {
        let name = test_env.job(key).unwrap().external_task_id;
        let task = tasks.iter().find(|task| task.external_task_id.as_ref() == Some(&name));
        assert_delivered(&test_env, key, task.unwrap());
    }
}

#[test]
fn highest_take_that_has_not_failed_is_joined() {
    let mut test_env = test_env(SimConfig { unique_external_ids: false, ..slow() }, 5, &BRISK);
    test_env.drop_in_old("x.yaml", job_of("x").replace("_ms=9000", "_ms=9000&fail=too%20dark"));
    test_env.start();
    for take in 1..=2 {
        test_env.until(&format!("take {take}"), |test_env| test_env.ledger().tasks.len() == take);
        test_env.until_state("x", "processing");
        test_env.finish_tasks();
        test_env.until_state("x", "failed");
        done(&test_env, &["retry", "x", "--yes"]);
    }
    test_env.until_state("x", "processing");
    lose_database(&mut test_env);
    let _none = fs::remove_dir_all(test_env.path("output"));
    test_env.start();
    // The third take is in progress: it is followed, and no fourth is paid.
    test_env.until("the third take to be followed", |test_env| {
        test_env.job("x").is_some_and(|job| job.state == "processing" && job.attempt == 3)
    });
    assert_names(&test_env, 3);
}
