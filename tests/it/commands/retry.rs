//! `retry`: another take, which pays again; what it asks first, and what it refuses.

use super::*;

#[tokio::test]
async fn retry_of_an_accepted_task_starts_the_next_take() {
    let (env, store) = CommandEnv::with_jobs().await;
    let ran = env.run(&["retry", "promo/failed", "promo/succeeded", "--yes"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, NO_DAEMON));
    assert_eq!(ran.out, "promo/failed: take 1 begins\npromo/succeeded: take 2 begins\n");
    let again = task(&store, "promo/succeeded").await;
    assert_eq!((again.state.name(), again.take, again.task_id.clone()), ("queued", 2, None));
    assert_eq!(again.external_task_id(), "lipsyncd-promo-succeeded-2");
    // It failed before Kling accepted anything: the same take is sent.
    let again = task(&store, "promo/failed").await;
    assert_eq!((again.state.name(), again.take), ("queued", 1));
    assert_eq!(again.external_task_id(), "lipsyncd-promo-failed");
}

#[tokio::test]
async fn retry_without_yes_off_a_terminal_is_wrong_usage() {
    let (env, store) = CommandEnv::with_jobs().await;
    let before = job(&store, "promo/succeeded").await;
    let ran = env.run(&["retry", "promo/succeeded"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    let asked = "error: confirmation needed to retry 1 job (promo/succeeded): 1 paid task";
    assert!(ran.err.contains(asked), "{}", ran.err);
    assert!(ran.err.contains("add --yes"), "{}", ran.err);
    assert_eq!(env.run(&["retry", "--failed"]).code, 2);
    assert_eq!(job(&store, "promo/succeeded").await, before);
    assert_eq!(state(&store, "promo/failed").await, "failed");
}

#[tokio::test]
async fn retry_dry_run_counts_and_changes_nothing() {
    let (env, store) = CommandEnv::with_jobs().await;
    let before = job(&store, "promo/succeeded").await;
    let ran = env.run(&["retry", "promo/succeeded", "promo/failed", "--dry-run"]);
    let said = "Would retry 2 jobs (promo/succeeded, promo/failed): 2 paid tasks; \
         price: unknown. Nothing was changed.\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, said, ""));
    assert_eq!(job(&store, "promo/succeeded").await, before);
    env.configure("prices: { identify: 0.05, per_5s: 0.5 }\n");
    let ran = env.run(&["retry", "promo/succeeded", "promo/failed", "--dry-run"]);
    assert!(ran.out.contains("2 paid tasks; price: "), "{}", ran.out);
    assert!(ran.out.contains(" units (assumed)"), "{}", ran.out);
}

#[tokio::test]
async fn retry_dry_run_reports_each_job_that_cannot_be_retried() {
    let (env, store) = CommandEnv::with_jobs().await;
    let keys = ["promo/failed", "promo/queued", "nonexist", "promo/failed"];
    let ran = env.run(&[&["retry", "--dry-run"][..], &keys].concat());
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("Would retry 1 job (promo/failed): 1 paid task"), "{}", ran.out);
    assert!(ran.err.contains("promo/queued: is queued and continues automatically"), "{}", ran.err);
    assert!(ran.err.contains("no job is called `nonexist`"), "{}", ran.err);
    store.miss("promo.yaml", MOMENT, POLICY).await.unwrap();
    let ran = env.run(&["retry", "--failed", "--dry-run"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("promo/failed: its manifest promo.yaml does not contain"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("lipsyncd dismiss promo/failed"), "{}", ran.err);
}

#[tokio::test]
async fn retry_dry_run_counts_payments_and_not_jobs() {
    let (env, store) = CommandEnv::with_jobs().await;
    let same = |key: &str| WantedJob { request_hash: Some("same".to_owned()), ..wanted(key) };
    let jobs = ["r/1", "r/2", "r/3"].map(same).into();
    accept(&store, manifest("r.yaml", jobs)).await;
    assert_eq!(env.run(&["cancel", "r/1"]).code, 0);
    let ran = env.run(&["retry", "r/1", "--dry-run"]);
    let free = "(r/1): 0 paid tasks, 1 free (the task exists or is shared)";
    assert!(ran.out.contains(free), "its task is paid for r/2 in any case: {}", ran.out);
    assert_eq!(env.run(&["cancel", "r/2", "r/3"]).code, 0);
    let ran = env.run(&["retry", "r/1", "r/2", "--dry-run"]);
    let shared = "2 jobs (r/1, r/2): 1 paid task, 1 free";
    assert!(ran.out.contains(shared), "{}", ran.out);
}

#[tokio::test]
async fn retry_of_a_take_that_exists_pays_nothing() {
    let (env, store) = CommandEnv::with_jobs().await;
    assert_eq!(env.run(&["retry", "promo/succeeded", "--yes"]).code, 0);
    let session = session(&store).await;
    drive(&store, "promo/succeeded", until_submitted(&session, "task-2")).await;
    drive(&store, "promo/succeeded", until_succeeded()).await;
    let mut first = wanted("promo/succeeded");
    first.spec.take = Some(1);
    first.spec_hash = "with a take".to_owned();
    accept(&store, manifest("promo.yaml", vec![first])).await;
    assert_eq!(task(&store, "promo/succeeded").await.take, 1);
    let ran = env.run(&["retry", "promo/succeeded", "--dry-run"]);
    assert!(ran.out.contains("0 paid tasks, 1 free"), "{}", ran.out);
    let ran = env.run(&["retry", "promo/succeeded", "--yes"]);
    let said = "promo/succeeded: take 2 exists already; its result is used and nothing is paid\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, said));
    assert_eq!(task(&store, "promo/succeeded").await.task_id.as_deref(), Some("task-2"));
}

#[tokio::test]
async fn retry_of_a_changed_request_names_its_take_apart() {
    let (env, store) = CommandEnv::with_jobs().await;
    edit(&store, "promo/succeeded").await;
    let ran = env.run(&["retry", "promo/succeeded", "--yes"]);
    let begins =
        "promo/succeeded: take 1 of the changed request begins; the earlier result is kept\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, begins));
    let shown = env.run(&["show", "promo/succeeded"]).out;
    assert!(shown.contains("retry: take 1 of the changed request begins\n"), "{shown}");
}

#[tokio::test]
async fn retry_refuses_jobs_that_could_be_paid_twice_and_retries_the_rest() {
    let (env, store) = CommandEnv::with_jobs().await;
    let keys = ["waiting", "queued", "submitted", "unresolved", "nobody", "failed"];
    let keys = keys.map(|name| format!("promo/{name}"));
    let arguments: Vec<&str> =
        ["retry", "--yes"].into_iter().chain(keys.iter().map(String::as_str)).collect();
    let ran = env.run(&arguments);
    assert_eq!(ran.code, 1);
    for said in [
        "promo/waiting: is waiting and continues automatically",
        "promo/queued: is queued and continues automatically",
        "promo/submitted: is submitted: task task-submitted is paid, and lipsyncd follows it to its end",
        "promo/unresolved: is unresolved",
        "hint: lipsyncd resolve promo/unresolved --task ID | --resend",
        "no job is called `promo/nobody`",
    ] {
        assert!(ran.err.contains(said), "{said}\n{}", ran.err);
    }
    assert_eq!(ran.out, "promo/failed: take 1 begins\n");
    assert_eq!(state(&store, "promo/submitted").await, "submitted");
    assert_eq!(state(&store, "promo/unresolved").await, "unresolved");
}

#[tokio::test]
async fn retry_failed_selects_all_failed_jobs_except_dismissed_ones() {
    let (env, store) = CommandEnv::with_jobs().await;
    let mut other = wanted("other");
    other.media = Err(PermanentError { code: "audio".to_owned(), message: "no audio".to_owned() });
    accept(&store, manifest("other.yaml", vec![other])).await;
    assert_eq!(env.run(&["dismiss", "other"]).code, 0);
    let ran = env.run(&["retry", "--failed", "--yes"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "promo/failed: take 1 begins\n"));
    assert_eq!(state(&store, "promo/failed").await, "queued");
    let again = env.run(&["retry", "--failed", "--yes"]);
    assert_eq!((again.code, again.out.as_str()), (0, "No job has failed.\n"));
    for nothing in [&["retry"][..], &["retry", "--yes"], &["retry", "--dry-run"]] {
        assert_eq!(env.run(nothing).code, 2, "{nothing:?}");
    }
    let named = env.run(&["retry", "promo/failed", "--failed", "--yes"]);
    assert_eq!((named.code, named.out.as_str()), (0, "No job matches.\n"));
}

#[tokio::test]
async fn retry_of_unusable_media_checks_them_again() {
    let (env, store) = CommandEnv::with_jobs().await;
    let mut unfit = wanted("unfit");
    unfit.request_hash = None;
    unfit.media = Err(PermanentError { code: "audio".to_owned(), message: "no audio".to_owned() });
    accept(&store, manifest("unfit.yaml", vec![unfit])).await;
    let ran = env.run(&["retry", "unfit", "--yes"]);
    let said = "unfit: its media are checked again, then it starts\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, said));
    assert_eq!(state(&store, "unfit").await, "waiting");
}

#[tokio::test]
async fn retry_refuses_jobs_that_left_the_folder() {
    let (env, store) = CommandEnv::with_jobs().await;
    store.miss("promo.yaml", MOMENT, POLICY).await.unwrap();
    let refused = |key: &str, why: &str| {
        let ran = env.run(&["retry", key, "--yes"]);
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains(why), "{why}: {}", ran.err);
        assert!(ran.err.contains("hint: put it back"), "{}", ran.err);
    };
    refused("promo/failed", "promo.yaml does not contain it any more");
    store.orphan(NOW_MS, MOMENT, POLICY).await.unwrap();
    refused("promo/queued", "it was removed from promo.yaml");
    refused("promo/succeeded", "promo.yaml does not contain it any more");
    assert_eq!(state(&store, "promo/failed").await, "failed");
}

#[tokio::test]
async fn jobs_of_one_refused_task_are_retried_together() {
    let (env, store) = CommandEnv::with_jobs().await;
    let same = |key: &str| WantedJob { request_hash: Some("same".to_owned()), ..wanted(key) };
    accept(&store, manifest("r.yaml", ["r/1", "r/2"].map(same).into())).await;
    let fault = PermanentError { code: "face".to_owned(), message: "no face speaks".to_owned() };
    drive(&store, "r/1", vec![Outcome::Refused(fault)]).await;
    let ran = env.run(&["retry", "r/1", "r/2", "--yes"]);
    let both = "r/1: take 1 begins; it shares the task of r/2\n\
                r/2: take 1 begins; it shares the task of r/1\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, both, NO_DAEMON));
}
