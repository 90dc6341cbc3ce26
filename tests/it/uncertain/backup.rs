//! A backup that was made before or during a create request is put back.

use std::fs;

use super::env::{ask_for, done, lenient, lose_database, test_env, until_delivered};
use crate::support::{
    daemon::{BRISK, TestEnv, job_of, slow},
    switches::Switches as _,
};

/// Puts the backup in the place of the database, as docs/backup-and-restore.md says.
fn restore(test_env: &mut TestEnv) {
    lose_database(test_env);
    fs::copy(test_env.path("backup.db"), test_env.path("lipsyncd.db")).unwrap();
}

fn api() -> lipsyncd::sim::SimConfig {
    lipsyncd::sim::SimConfig { unique_external_ids: false, ..slow() }
}

/// The create request of a job was written, and is held before it is sent, while the backup is made.
fn held() -> TestEnv {
    let mut test_env = test_env(api(), 5, &BRISK);
    let hold = test_env.path("hold");
    fs::write(&hold, "").unwrap();
    let held = format!("create.intend.after:{}", hold.display());
    ask_for(&test_env, &["x"]);
    test_env.start_with(&[("LIPSYNCD_HOLD", &held)]);
    test_env.until_state("x", "creating");
    done(&test_env, &["backup", "backup.db"]);
    test_env
}

#[test]
fn backup_from_before_the_request_finds_the_task() {
    let keys = ["a", "b", "c"];
    let mut test_env = test_env(api(), 5, &BRISK);
    test_env.start();
    done(&test_env, &["pause"]);
    ask_for(&test_env, &keys);
    for key in keys {
        test_env.until_state(key, "queued");
    }
    done(&test_env, &["backup", "backup.db"]);
    done(&test_env, &["resume"]);
    for key in keys {
        test_env.until_state(key, "processing");
    }
    restore(&mut test_env);
    // One of the manifests was edited since: the request is still the same.
    test_env.drop_in_old("a.yaml", format!("{}priority: 3\n", job_of("a")));
    test_env.start();
    done(&test_env, &["resume"]);
    for key in keys {
        test_env.until_state(key, "processing");
    }
    test_env.finish_tasks();
    until_delivered(&test_env, &keys);
    test_env.sim.assert_requests(3);
}

/// Restores the backup, and lets the task of the only request be delivered.
fn restore_and_deliver(mut test_env: TestEnv) {
    restore(&mut test_env);
    test_env.start();
    test_env.until_state("x", "processing");
    test_env.finish_tasks();
    until_delivered(&test_env, &["x"]);
    test_env.sim.assert_requests(1);
}

#[test]
fn backup_from_during_the_request_finds_the_task() {
    let test_env = held();
    fs::remove_file(test_env.path("hold")).unwrap();
    test_env.until_state("x", "processing");
    restore_and_deliver(test_env);
}

#[test]
fn backup_from_during_the_request_finds_a_result_that_was_moved_away() {
    let mut test_env = held();
    fs::remove_file(test_env.path("hold")).unwrap();
    test_env.until_state("x", "processing");
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    restore(&mut test_env);
    super::env::lose_results(&test_env);
    test_env.start();
    until_delivered(&test_env, &["x"]);
    test_env.sim.assert_requests(1);
}

#[test]
fn backup_from_during_a_request_that_was_never_sent_is_sent_once() {
    restore_and_deliver(held());
}

#[test]
fn backup_that_knows_fewer_takes_finds_the_others_by_name() {
    let mut test_env = test_env(lenient(), 5, &BRISK);
    ask_for(&test_env, &["x"]);
    test_env.start();
    until_delivered(&test_env, &["x"]);
    done(&test_env, &["backup", "backup.db"]);
    done(&test_env, &["retry", "x", "--yes"]);
    test_env.until("the second take", |test_env| test_env.ledger().tasks.len() == 2);
    until_delivered(&test_env, &["x"]);
    restore(&mut test_env);
    test_env.start();
    // The second take is asked for by its name before it is paid for.
    done(&test_env, &["retry", "x", "--yes"]);
    test_env.until("the second take again", |test_env| {
        test_env.job("x").is_some_and(|job| job.state == "succeeded" && job.attempt == 2)
    });
    until_delivered(&test_env, &["x"]);
    super::env::assert_names(&test_env, 2);
}
