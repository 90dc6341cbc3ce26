//! `external_task_id` in a manifest: a task of that name that can be the job's own is adopted or left to a person,
//! whatever this machine's clock shows.

use lipsyncd::sim::{Endpoint, Fault, FaultRule, SimConfig};
use serde_json::json;

use super::env::{
    assert_delivered, done, lenient, lose_creates, lose_database, lose_results, refused,
    slots_used, test_env,
};
use crate::support::{
    daemon::{BRISK, TestEnv, job_of},
    switches::Switches as _,
};

const HOUR_MS: i64 = 3_600_000;

fn own(name: &str) -> String {
    format!("{}external_task_id: mine\n", job_of(name))
}

/// A job with an `external_task_id`. This machine's clock is ahead of the API's.
fn ahead(ahead_ms: i64, more: SimConfig) -> TestEnv {
    let test_env = test_env(SimConfig { clock_offset_ms: -ahead_ms, ..more }, 5, &BRISK);
    test_env.drop_in_old("x.yaml", own("x"));
    test_env
}

/// Queries show no video.
fn hide_videos(test_env: &TestEnv) {
    let with = json!({"data": {"task_info": {"parent_video": null}}});
    test_env.sim.fault(FaultRule::always(Endpoint::Query, Fault::Patch { with }));
}

fn assert_adopted(test_env: &TestEnv) {
    test_env.until_state("x", "succeeded");
    test_env.sim.assert_requests(1);
    assert_delivered(test_env, "x", &test_env.ledger().tasks[0]);
}

#[test]
fn lost_answer_is_found_by_a_clock_that_is_an_hour_ahead() {
    for hides_videos in [false, true] {
        let mut test_env = ahead(HOUR_MS, lenient());
        lose_creates(&test_env, 1, true);
        if hides_videos {
            hide_videos(&test_env);
        }
        test_env.start();
        assert_adopted(&test_env);
    }
}

#[test]
fn task_is_found_after_the_database_was_lost() {
    for ahead_ms in [0, HOUR_MS] {
        let mut test_env = ahead(ahead_ms, lenient());
        test_env.start();
        test_env.until_state("x", "succeeded");
        lose_database(&mut test_env);
        lose_results(&test_env);
        test_env.start();
        assert_adopted(&test_env);
    }
}

#[test]
fn result_on_disk_is_recognised_after_the_database_was_lost() {
    let mut test_env = ahead(HOUR_MS, SimConfig { answers_external_lookups: false, ..lenient() });
    test_env.start();
    test_env.until_state("x", "succeeded");
    lose_database(&mut test_env);
    test_env.start();
    assert_adopted(&test_env);
}

/// After a lost database, Kling shows another video for the task of that name.
fn undecided() -> TestEnv {
    let mut test_env = ahead(0, lenient());
    test_env.start();
    test_env.until_state("x", "succeeded");
    lose_database(&mut test_env);
    lose_results(&test_env);
    test_env.sim.set(|config| config.shows_sent_videos = false);
    test_env.start();
    test_env.until_state("x", "unresolved");
    assert_eq!((slots_used(&test_env), test_env.ledger().tasks.len()), (0, 1));
    let shown = done(&test_env, &["show", "x"]).out;
    let task_id = &test_env.ledger().tasks[0].task_id;
    for words in [
        "external_task_id mine is the name of task",
        task_id,
        "for which Kling shows another video",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("give the job another"), "{shown}");
    test_env
}

#[test]
fn task_that_may_be_another_is_adopted_by_a_person() {
    let test_env = undecided();
    done(&test_env, &["resolve", "x", "--task", &test_env.ledger().tasks[0].task_id]);
    assert_adopted(&test_env);
}

#[test]
fn task_that_may_be_another_is_not_paid_for_again_without_yes() {
    let test_env = undecided();
    let task_id = &test_env.ledger().tasks[0].task_id;
    refused(&test_env, &["resolve", "x", "--resend"], &[task_id, "--yes"]);
    test_env.sim.assert_requests(1);
    done(&test_env, &["resolve", "x", "--resend", "--yes"]);
    test_env.until_state("x", "succeeded");
    // A person has said that the task of that name is another one.
    assert_eq!(test_env.sim.tasks_named("mine"), 2);
    assert_delivered(&test_env, "x", &test_env.ledger().tasks[1]);
}
