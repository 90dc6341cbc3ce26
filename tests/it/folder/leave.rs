//! Manifests and jobs that are removed from the folder, and put back.

use std::fs;

use crate::support::daemon::{JOB, TestEnv, slow};

fn batch(ids: &[&str]) -> String {
    let job = |id: &&str| {
        format!("- {{ id: {id}, audio: \"https://cdn.example.com/{id}.mp3?duration_ms=5000\" }}\n")
    };
    let jobs: String = ids.iter().map(job).collect();
    format!(
        "defaults: {{ video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", sound_end_time: 4s }}\n\
         jobs:\n{jobs}"
    )
}

fn finish(test_env: &TestEnv, key: &str) {
    test_env.until(&format!("{key} to succeed"), |test_env| {
        test_env.finish_tasks();
        test_env.state(key) == "succeeded"
    });
}

#[test]
fn a_job_removed_from_a_batch_is_cancelled_or_followed_and_runs_when_it_returns() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("x.yaml", batch(&["a", "b", "c"]));
    test_env.until("x/a to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("x.yaml", batch(&["c"]));
    let job = test_env.until_state("x/b", "cancelled");
    assert!(job.error.contains("left the folder before its task was created"), "{job:?}");
    finish(&test_env, "x/a");
    test_env.assert_complete("x/a.mp4");
    finish(&test_env, "x/c");
    test_env.drop_in("x.yaml", batch(&["a", "b", "c"]));
    finish(&test_env, "x/b");
    test_env.until_scanned_again("later");
    assert_eq!(test_env.ledger().tasks.len(), 3, "a and c are known to be done");
    test_env.assert_paid_once();
}

#[test]
fn a_removed_manifest_is_cancelled_or_followed_and_runs_when_it_returns() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("x.yaml", batch(&["a", "b"]));
    test_env.until("x/a to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.remove("x.yaml");
    test_env.until_state("x/b", "cancelled");
    finish(&test_env, "x/a");
    test_env.drop_in("x.yaml", batch(&["a", "b"]));
    finish(&test_env, "x/b");
    assert_eq!(test_env.ledger().tasks.len(), 2);
    test_env.assert_paid_once();
}

#[test]
fn a_cancelled_job_stays_cancelled_when_its_manifest_changes() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("first.yaml", JOB);
    test_env.until("first to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("x.yaml", batch(&["b"]));
    test_env.until("x/b to be known", |test_env| test_env.job("x/b").is_some());
    let ran = test_env.run(&["cancel", "x/b"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    test_env.until_state("x/b", "cancelled");
    // Removed and put back.
    test_env.remove("x.yaml");
    test_env.until("x.yaml to be seen gone", |test_env| {
        test_env.log().contains("x.yaml: no longer in jobs_dir")
    });
    test_env.drop_in("x.yaml", batch(&["b"]));
    test_env.until_scanned_again("one");
    assert_eq!(test_env.state("x/b"), "cancelled");
    // An edited one does not run.
    test_env.drop_in("x.yaml", batch(&["b"]).replace("4s", "4500"));
    test_env.until_scanned_again("two");
    assert_eq!(test_env.state("x/b"), "cancelled");
    finish(&test_env, "first");
    assert_eq!(test_env.ledger().tasks.len(), 1);
    // A retry runs it as it is now.
    let ran = test_env.run(&["retry", "--yes", "x/b"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    finish(&test_env, "x/b");
    assert_eq!(test_env.ledger().tasks.len(), 2);
}

#[test]
fn missing_job_is_not_cancelled_before_the_rescan_interval() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    let settings = fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    let rarely = settings.replace("rescan_interval: 500ms", "rescan_interval: 1h");
    fs::write(test_env.path("lipsyncd.yaml"), rarely).unwrap();
    test_env.start();
    test_env.drop_in("x.yaml", batch(&["a", "b"]));
    test_env.until("x/a to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.remove("x.yaml");
    let job = test_env.until_state("x/b", "waiting");
    assert!(job.waiting_for.contains("missing from the folder"), "{job:?}");
    test_env.until_scanned_again("later");
    assert_eq!(test_env.state("x/b"), "waiting");
    // It is not created while it is missing.
    finish(&test_env, "x/a");
    test_env.until_scanned_again("latest");
    assert_eq!((test_env.state("x/b").as_str(), test_env.ledger().tasks.len()), ("waiting", 1));
    test_env.drop_in("x.yaml", batch(&["a", "b"]));
    finish(&test_env, "x/b");
    assert_eq!(test_env.ledger().tasks.len(), 2);
    let cancelled = "SELECT count(*) FROM job_history WHERE to_state = 'cancelled'";
    let count = test_env.database().unwrap().query_row(cancelled, [], |row| row.get(0));
    assert_eq!(count, Ok(0));
}

#[test]
fn a_manifest_that_a_new_pattern_ignores_leaves_and_the_log_says_why() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("first.yaml", JOB);
    test_env.until("first to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("drafts/x.yaml", batch(&["b"]));
    test_env.until("the job to be known", |test_env| test_env.job("drafts/x/b").is_some());
    test_env.kill();
    let config = fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    let ignoring = config.replace("watch: {", "watch: { ignore: [drafts],");
    assert_ne!(config, ignoring);
    fs::write(test_env.path("lipsyncd.yaml"), ignoring).unwrap();
    test_env.start();
    test_env.until_state("drafts/x/b", "cancelled");
    let why = "drafts/x.yaml: ignored now, with 1 job: watch.ignore has `drafts`";
    assert!(test_env.log().contains(why), "{}", test_env.log());
    fs::write(test_env.path("lipsyncd.yaml"), config).unwrap();
    test_env.kill();
    test_env.start();
    finish(&test_env, "drafts/x/b");
    finish(&test_env, "first");
    test_env.assert_paid_once();
}
