//! The question of `retry` on a terminal: an answer pays for what was shown, and for nothing else.

use super::*;

const CHANGED: &str = "changed after it was shown; it is left as it is";

/// Jobs `r/1`, `r/2`, … that ask for the same request.
async fn sharing(store: &Store, count: usize) {
    let jobs = (1..=count)
        .map(|n| WantedJob { request_hash: Some("same".to_owned()), ..wanted(&format!("r/{n}")) });
    accept(store, manifest("r.yaml", jobs.collect())).await;
}

#[tokio::test]
async fn yes_retries_the_jobs_that_were_shown() {
    let (env, store) = CommandEnv::with_jobs().await;
    let asking = env.ask(&["retry", "promo/succeeded", "promo/failed"]);
    let shown =
        "Retry 2 jobs (promo/succeeded, promo/failed): 2 paid tasks; price: unknown. Continue?";
    assert!(asking.question.starts_with(shown), "{}", asking.question);
    let ran = asking.answer("y");
    assert_eq!((ran.code, ran.err.as_str()), (0, NO_DAEMON));
    assert_eq!(ran.out, "promo/succeeded: take 2 begins\npromo/failed: take 1 begins\n");
    assert_eq!(task(&store, "promo/succeeded").await.take, 2);
}

#[tokio::test]
async fn any_other_answer_does_nothing() {
    let (env, store) = CommandEnv::with_jobs().await;
    let before = job(&store, "promo/succeeded").await;
    for answer in ["", "n", "yeah"] {
        let ran = env.ask(&["retry", "promo/succeeded"]).answer(answer);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{answer}");
        assert_eq!(ran.err, "Nothing was changed.\n");
    }
    assert_eq!(job(&store, "promo/succeeded").await, before);
}

#[tokio::test]
async fn a_job_that_changed_meanwhile_is_not_retried() {
    let (env, store) = CommandEnv::with_jobs().await;
    let asking = env.ask(&["retry", "promo/succeeded"]);
    edit(&store, "promo/succeeded").await;
    let before = job(&store, "promo/succeeded").await;
    let ran = asking.answer("y");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains(CHANGED), "{}", ran.err);
    assert_eq!(job(&store, "promo/succeeded").await, before);
}

#[tokio::test]
async fn a_job_retried_by_another_command_is_not_retried_twice() {
    let (env, store) = CommandEnv::with_jobs().await;
    let asking = env.ask(&["retry", "promo/succeeded"]);
    assert_eq!(env.run(&["retry", "promo/succeeded", "--yes"]).code, 0);
    let session = session(&store).await;
    drive(&store, "promo/succeeded", until_submitted(&session, "task-2")).await;
    drive(&store, "promo/succeeded", until_succeeded()).await;
    let ran = asking.answer("y");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains(CHANGED), "{}", ran.err);
    assert_eq!(task(&store, "promo/succeeded").await.take, 2);
}

#[tokio::test]
async fn a_retry_shown_as_free_is_never_paid() {
    let (env, store) = CommandEnv::with_jobs().await;
    sharing(&store, 2).await;
    assert_eq!(env.run(&["cancel", "r/1"]).code, 0);
    let asking = env.ask(&["retry", "r/1"]);
    assert!(asking.question.contains("0 paid tasks, 1 free"), "{}", asking.question);
    assert_eq!(env.run(&["cancel", "r/2"]).code, 0);
    let ran = asking.answer("y");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains(CHANGED), "{}", ran.err);
    assert_eq!(state(&store, "r/1").await, "cancelled");
}

#[tokio::test]
async fn a_take_that_failed_meanwhile_is_not_replaced_by_the_next() {
    let (env, store) = CommandEnv::with_jobs().await;
    sharing(&store, 2).await;
    let session = session(&store).await;
    drive(&store, "r/1", until_submitted(&session, "k1")).await;
    let failed = || Outcome::TaskFailed { message: "no face".to_owned(), charge: None };
    drive(&store, "r/1", vec![failed()]).await;
    let asking = env.ask(&["retry", "r/2"]);
    assert_eq!(env.run(&["retry", "r/1", "--yes"]).code, 0);
    drive(&store, "r/1", until_submitted(&session, "k2")).await;
    drive(&store, "r/1", vec![failed()]).await;
    // Take 2 was shown, and take 3 would be paid.
    let ran = asking.answer("y");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains(CHANGED), "{}", ran.err);
    assert_eq!(task(&store, "r/2").await.take, 1);
}

#[tokio::test]
async fn a_retry_that_became_free_is_done() {
    let (env, store) = CommandEnv::with_jobs().await;
    sharing(&store, 2).await;
    let session = session(&store).await;
    drive(&store, "r/1", until_submitted(&session, "k1")).await;
    let failed = Outcome::TaskFailed { message: "no face".to_owned(), charge: None };
    drive(&store, "r/1", vec![failed]).await;
    let asking = env.ask(&["retry", "r/2"]);
    assert!(asking.question.contains("1 paid task"), "{}", asking.question);
    assert_eq!(env.run(&["retry", "r/1", "--yes"]).code, 0);
    let ran = asking.answer("y");
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "r/2: take 2 begins; it shares the task of r/1\n")
    );
}

#[tokio::test]
async fn one_answer_retries_all_jobs_of_a_task() {
    let (env, store) = CommandEnv::with_jobs().await;
    sharing(&store, 2).await;
    let session = session(&store).await;
    drive(&store, "r/1", until_submitted(&session, "k1")).await;
    let failed = Outcome::TaskFailed { message: "no face".to_owned(), charge: None };
    drive(&store, "r/1", vec![failed]).await;
    let asking = env.ask(&["retry", "r/1", "r/2"]);
    assert!(asking.question.contains("1 paid task, 1 free"), "{}", asking.question);
    let ran = asking.answer("y");
    let both = "r/1: take 2 begins\nr/2: take 2 begins; it shares the task of r/1\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, both));
    assert_eq!(task(&store, "r/1").await.id, task(&store, "r/2").await.id);
}

#[tokio::test]
async fn a_failed_job_that_runs_again_is_skipped() {
    let (env, store) = CommandEnv::with_jobs().await;
    let asking = env.ask(&["retry", "--failed"]);
    assert_eq!(env.run(&["retry", "promo/failed", "--yes"]).code, 0);
    // `--failed` means jobs that are still failed: this is no error.
    let ran = asking.answer("y");
    let nothing = "No job has failed.\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, nothing, ""));
    assert_eq!(state(&store, "promo/failed").await, "queued");
}
