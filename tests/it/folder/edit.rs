//! Edits: used before a job is sent, flagged after that.

use lipsyncd::sim::{Endpoint, FaultRule, SimConfig};

use crate::support::{
    daemon::{JOB, TestEnv, job_of, quick, slow},
    refusal,
};

fn with(more: &str) -> String {
    format!("{JOB}{more}")
}

#[test]
fn an_edit_before_the_create_request_is_used() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("first.yaml", JOB);
    test_env.until("first to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("x.yaml", job_of("x"));
    test_env.until("x to be known", |test_env| test_env.job("x").is_some());
    let edit = "output: other/name.mp4\nexternal_task_id: my-own\n";
    test_env.drop_in("x.yaml", format!("{}{edit}", job_of("x")));
    test_env.until("the edit to be taken in", |test_env| {
        test_env.job("x").unwrap().output == "other/name.mp4"
    });
    test_env.until("x to succeed", |test_env| {
        test_env.finish_tasks();
        test_env.state("x") == "succeeded"
    });
    test_env.assert_complete("other/name.mp4");
    let job = test_env.job("x").unwrap();
    assert_eq!((job.external_task_id.as_str(), job.changed_after_sent), ("my-own", false));
    assert_eq!(test_env.ledger().tasks.len(), 2);
}

#[test]
fn edit_after_the_create_request_is_flagged_and_runs_only_by_retry() {
    let mut test_env = TestEnv::new(slow());
    test_env.start();
    test_env.drop_in("x.yaml", JOB);
    test_env.until("x to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("x.yaml", with("sound_start_time: 500\n"));
    test_env.until("x to be flagged", |test_env| test_env.job("x").unwrap().changed_after_sent);
    let listed = test_env.run(&["list"]);
    assert!(listed.out.contains("changed after it was sent"), "{listed:?}");
    let status = test_env.run(&["status"]);
    assert!(status.out.contains("1 job changed after it was sent"), "{status:?}");
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    test_env.until_scanned_again("later");
    assert_eq!(test_env.ledger().tasks.len(), 1, "nothing is run again automatically");
    assert!(test_env.job("x").unwrap().changed_after_sent);

    let ran = test_env.run(&["retry", "--yes", "x"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "x: take 1 of the changed request begins; the earlier result is kept\n"),
        "{ran:?}"
    );
    test_env.until("x to be sent again", |test_env| test_env.ledger().tasks.len() == 2);
    test_env.finish_tasks();
    let job = test_env.until_state("x", "succeeded");
    // It is the first take of another request.
    assert_eq!((job.attempt, job.changed_after_sent), (1, false));
    let tasks = test_env.ledger().tasks;
    assert_ne!(tasks[0].content_digest, tasks[1].content_digest, "the new request is made");
    assert_ne!(tasks[0].external_task_id, tasks[1].external_task_id);
}

#[test]
fn own_name_is_not_used_for_an_edit() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    test_env.drop_in("x.yaml", with("external_task_id: mine\n"));
    test_env.until_state("x", "succeeded");
    test_env.drop_in("x.yaml", with("external_task_id: mine\nsound_volume: 2\n"));
    test_env.until("x to be flagged", |test_env| test_env.job("x").unwrap().changed_after_sent);
    let ran = test_env.run(&["retry", "--yes", "x"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("external_task_id mine was already used by job x"), "{ran:?}");
    assert_eq!(test_env.state("x"), "succeeded");
    test_env.drop_in("x.yaml", with("external_task_id: mine-louder\nsound_volume: 2\n"));
    test_env.until_scanned_again("later");
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    test_env.until("the edit to be made", |test_env| {
        test_env
            .job("x")
            .is_some_and(|job| job.external_task_id == "mine-louder" && job.state == "succeeded")
    });
    // Another take of it is another task.
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    test_env.until("the second take", |test_env| test_env.ledger().tasks.len() == 3);
    assert_eq!(test_env.ledger().tasks[2].external_task_id.as_deref(), Some("mine-louder-2"));
    test_env.until_state("x", "succeeded");
}

#[test]
fn failed_job_runs_its_edit() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    test_env.drop_in("x.yaml", job_of("v").replace("9000", "9000&fail=too%20dark"));
    test_env.until_state("x", "failed");
    test_env.drop_in("x.yaml", job_of("brighter"));
    let job = test_env.until_state("x", "succeeded");
    assert_eq!((job.attempt, job.changed_after_sent), (1, false));
    assert_eq!(test_env.ledger().tasks.len(), 2);
}

#[test]
fn job_that_failed_at_kling_runs_again_only_by_retry() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    let failing = job_of("v").replace("9000", "9000&fail=too%20dark");
    test_env.drop_in("x.yaml", &failing);
    test_env.until_state("x", "failed");
    test_env.drop_in("x.yaml", format!("{failing}labels: {{ a: b }}\n"));
    test_env.until_scanned_again("later");
    assert_eq!((test_env.state("x").as_str(), test_env.ledger().tasks.len()), ("failed", 1));
    let ran = test_env.run(&["retry", "--yes", "x"]);
    assert_eq!(ran.out, "x: take 2 begins\n", "{ran:?}");
    test_env.until("the second take", |test_env| test_env.ledger().tasks.len() == 2);
}

#[test]
fn job_that_failed_before_kling_accepted_it_starts_again_on_any_edit_or_return() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    let refuse = |test_env: &TestEnv| {
        test_env
            .sim
            .control(|sim| sim.add_fault(FaultRule::once(Endpoint::Identify, refusal(1201))));
    };
    refuse(&test_env);
    test_env.drop_in("x.yaml", JOB);
    test_env.until_state("x", "failed");
    refuse(&test_env);
    test_env.drop_in("x.yaml", with("labels: { a: b }\n"));
    test_env.until("it to be tried again", |test_env| {
        test_env.ledger().tasks.is_empty()
            && test_env.count_history("x", "to_state = 'failed'") == 2
    });
    test_env.remove("x.yaml");
    test_env.until("it to leave", |test_env| {
        let sql = "SELECT orphaned_at_ms IS NOT NULL FROM job WHERE key = 'x'";
        test_env.database().unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    });
    test_env.drop_in("x.yaml", with("labels: { a: b }\n"));
    let job = test_env.until_state("x", "succeeded");
    assert_eq!((job.attempt, test_env.ledger().tasks.len()), (1, 1));
}

#[test]
fn an_edit_that_is_reverted_is_no_longer_flagged() {
    let mut test_env = TestEnv::new(slow());
    test_env.start();
    test_env.drop_in("x.yaml", JOB);
    test_env.until("x to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("x.yaml", with("sound_volume: 0.5\n"));
    test_env.until("x to be flagged", |test_env| test_env.job("x").unwrap().changed_after_sent);
    test_env.drop_in("x.yaml", JOB);
    test_env.until("the flag to go", |test_env| !test_env.job("x").unwrap().changed_after_sent);
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn an_edit_with_errors_holds_unsent_jobs_until_it_is_fixed() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    let batch = |volume: &str| {
        format!(
            "defaults: {{ video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", \
             sound_end_time: 4s, sound_volume: {volume} }}\n\
             jobs:\n\
             - {{ id: a, audio: \"https://cdn.example.com/a.mp3?duration_ms=5000\" }}\n\
             - {{ id: b, audio: \"https://cdn.example.com/b.mp3?duration_ms=5000\" }}\n"
        )
    };
    test_env.drop_in("x.yaml", batch("1"));
    test_env.until("x/a to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("x.yaml", batch("7"));
    let job = test_env.until_state("x/b", "waiting");
    assert!(
        job.waiting_for.starts_with("its manifest has errors: x.yaml:1:")
            && job.waiting_for.contains("sound_volume"),
        "{job:?}"
    );
    assert!(test_env.refusal("x.yaml").unwrap().contains("x.yaml:1:"));
    test_env.finish_tasks();
    test_env.until_state("x/a", "succeeded");
    test_env.until_scanned_again("later");
    assert_eq!(test_env.state("x/b"), "waiting");
    assert_eq!(test_env.ledger().tasks.len(), 1);
    test_env.drop_in("x.yaml", batch("1"));
    test_env.until("x/b to be sent", |test_env| test_env.ledger().tasks.len() == 2);
    test_env.finish_tasks();
    test_env.until_state("x/b", "succeeded");
    assert!(test_env.is_accepted("x.yaml"));
}

#[test]
fn an_edit_during_a_create_request_does_not_lose_the_response() {
    let config = SimConfig { create_latency_ms: 2_000, answers_external_lookups: false, ..slow() };
    let mut test_env = TestEnv::new(config);
    test_env.start();
    test_env.drop_in("x.yaml", JOB);
    test_env.until_state("x", "creating");
    test_env.drop_in("x.yaml", with("sound_volume: 0.5\n"));
    test_env.until("x to be flagged", |test_env| test_env.job("x").unwrap().changed_after_sent);
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}
