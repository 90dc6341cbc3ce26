//! The database is lost, with the results or without them.

use std::fs;

use lipsyncd::sim::{Endpoint, SimConfig};

use super::{
    env::Env,
    samples::{single, within, write_mixed},
};
use crate::support::daemon::{quick, slow};

/// A daemon that has finished 8 manifests in `2024`.
fn finished(config: SimConfig, name: &str) -> (Env, Vec<String>) {
    let mut env = Env::with(config);
    let keys = env.move_in_folder("2024", |folder| write_mixed(folder, name, 8));
    env.start();
    env.until_all(&within("2024", &keys), "succeeded");
    env.assert_paid(keys.len(), "first run");
    (env, keys)
}

/// Ends the daemon and deletes its database.
fn lose_database(env: &mut Env) {
    env.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        let _absent = fs::remove_file(env.path(name));
    }
}

/// Adds a label to every manifest of a folder: another manifest, and the same requests.
fn add_labels(env: &Env, folder: &str) {
    for entry in fs::read_dir(env.jobs(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = fs::read_to_string(&path).unwrap();
            let in_defaults = "defaults: { labels: { batch: second },";
            let labelled = text.replace("defaults: {", in_defaults);
            let text =
                if labelled == text { text + "labels: { batch: second }\n" } else { labelled };
            fs::write(path, text).unwrap();
        }
    }
}

#[test]
fn results_on_disk_are_recognised() {
    // Only the metadata in the output folder can show what was paid.
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let (mut env, keys) = finished(config, "metadata");
    let downloads = env.ledger().accepted(Endpoint::Download);
    lose_database(&mut env);
    add_labels(&env, "2024");
    env.start();
    env.until_all_known_and_ended(&within("2024", &keys));
    env.assert_paid(keys.len(), "after the loss of the database");
    for (key, state) in env.all_jobs() {
        assert_eq!(state, "succeeded", "{key}");
    }
    assert_eq!(env.ledger().accepted(Endpoint::Download), downloads, "nothing is fetched again");
    env.assert_all_results_kept();
}

#[test]
fn lost_results_are_found_by_name() {
    let (mut env, keys) = finished(quick(), "by-name");
    lose_database(&mut env);
    fs::remove_dir_all(env.path("output")).unwrap();
    env.move_in("2024", "renamed");
    add_labels(&env, "renamed");
    env.start();
    env.until_all_known_and_ended(&within("renamed", &keys));
    env.assert_paid(keys.len(), "after the loss of the database and the results");
    env.until_all(&within("renamed", &keys), "succeeded");
    env.assert_all_results_kept();
}

#[test]
fn lost_results_without_lookups_pay_nothing() {
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let (mut env, keys) = finished(config, "no-lookups");
    lose_database(&mut env);
    fs::remove_dir_all(env.path("output")).unwrap();
    env.start();
    // This account refuses names that exist, and lists tasks. A job is adopted or waits for a person.
    env.until_all_known_and_ended(&within("2024", &keys));
    env.assert_paid(keys.len(), "after the loss of the database and the results");
}

#[test]
fn running_tasks_are_found_by_name() {
    let mut env = Env::with(slow());
    let keys = env.move_in_folder("2024", |folder| write_mixed(folder, "running", 8));
    env.start();
    env.until("all tasks to be created", |test_env| test_env.ledger().tasks.len() == keys.len());
    lose_database(&mut env);
    env.start();
    env.until("all jobs to succeed", |test_env| {
        test_env.finish_tasks();
        let states = test_env.states();
        let succeeded = |key| states.iter().any(|(known, is)| *known == key && is == "succeeded");
        within("2024", &keys).into_iter().all(succeeded)
    });
    env.assert_paid(keys.len(), "after the loss of the database");
    env.assert_all_results_kept();
}

#[test]
fn second_take_is_not_paid_again_after_the_loss() {
    let mut env = Env::new();
    env.drop_in_old("x.yaml", single("lost-take"));
    env.start();
    env.until_all(&["x".to_owned()], "succeeded");
    env.command_done(&["retry", "x", "--yes"]);
    env.until("the second take to be paid", |test_env| test_env.ledger().tasks.len() == 2);
    env.until_all(&["x".to_owned()], "succeeded");
    lose_database(&mut env);
    fs::remove_dir_all(env.path("output")).unwrap();
    env.start();
    env.until_all(&["x".to_owned()], "succeeded");
    env.assert_paid(2, "after the loss of the database");
}
