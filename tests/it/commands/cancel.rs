//! `cancel`, `fetch` and `dismiss`.

use super::*;

#[tokio::test]
async fn cancel_cancels_jobs_that_were_not_sent() {
    let (env, store) = CommandEnv::with_jobs().await;
    let ran = env.run(&["cancel", "promo/queued", "promo/waiting", "promo/queued"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out.lines().count(), 2, "{}", ran.out);
    assert_eq!(state(&store, "promo/waiting").await, "cancelled");
    let again = env.run(&["cancel", "promo/queued"]);
    assert_eq!((again.code, again.out.as_str()), (0, "promo/queued: was cancelled already\n"));
    assert_eq!(env.run(&["retry", "promo/queued", "--yes"]).code, 0);
    assert_eq!(state(&store, "promo/queued").await, "queued");
}

#[tokio::test]
async fn cancel_of_a_retry_restores_the_earlier_result() {
    let (env, store) = CommandEnv::with_jobs().await;
    let before = job(&store, "promo/succeeded").await;
    assert_eq!(env.run(&["retry", "promo/succeeded", "--yes"]).code, 0);
    let ran = env.run(&["cancel", "promo/succeeded"]);
    let said = "promo/succeeded: its retry was cancelled; the job is succeeded again, as before\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, said));
    let after = job(&store, "promo/succeeded").await;
    assert_eq!((after.state, after.task), (before.state, before.task));
}

#[tokio::test]
async fn cancel_of_a_sent_job_is_refused() {
    let (env, store) = CommandEnv::with_jobs().await;
    for key in ["promo/submitted", "promo/unresolved", "promo/succeeded", "promo/failed"] {
        let before = job(&store, key).await;
        let ran = env.run(&["cancel", key]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{key}");
        assert_eq!(job(&store, key).await, before);
    }
    let ran = env.run(&["cancel", "promo/submitted"]);
    assert!(
        ran.err.contains("the API cannot cancel a task. lipsyncd follows it to its end"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn fetch_restores_a_missing_result() {
    let (env, store) = CommandEnv::with_jobs().await;
    let ran = env.run(&["fetch", "promo/succeeded"]);
    let said = "promo/succeeded: the daemon restores its result\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, said, NO_DAEMON));
    assert_eq!(state(&store, "promo/succeeded").await, "downloading");
    let again = env.run(&["fetch", "promo/succeeded"]);
    assert_eq!((again.code, again.out.contains("is being fetched already")), (0, true));
}

#[tokio::test]
async fn fetch_keeps_an_existing_result() {
    let (env, store) = CommandEnv::with_jobs().await;
    env.put_result("promo/succeeded.mp4");
    let ran = env.run(&["fetch", "promo/succeeded"]);
    assert!(ran.code == 0 && ran.out.contains("promo/succeeded.mp4 is there already"), "{ran:?}");
    assert_eq!(state(&store, "promo/succeeded").await, "succeeded");
}

#[tokio::test]
async fn fetch_refuses_to_replace_an_edited_result() {
    let (env, store) = CommandEnv::with_jobs().await;
    env.put_result("promo/succeeded.mp4");
    fs::write(env.folder.path().join("output/promo/succeeded.mp4"), "edited").unwrap();
    let ran = env.run(&["fetch", "promo/succeeded"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("was changed after it was delivered"), "{}", ran.err);
    assert!(ran.err.contains("hint: move that file away first"), "{}", ran.err);
    assert_eq!(state(&store, "promo/succeeded").await, "succeeded");
}

#[tokio::test]
async fn fetch_refuses_a_job_without_a_result() {
    let (env, store) = CommandEnv::with_jobs().await;
    for (name, said) in [
        ("promo/queued", "is queued: it has no result to fetch"),
        ("promo/failed", "is failed: it has no result to fetch"),
        ("promo/nobody", "no job is called `promo/nobody`"),
    ] {
        let ran = env.run(&["fetch", name]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    assert_eq!(state(&store, "promo/queued").await, "queued");
    assert_eq!(env.run(&["fetch"]).code, 2);
}

#[tokio::test]
async fn dismiss_removes_a_failed_job_from_the_counts_and_undo_restores_it() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let next = || env.run(&["status"]).out;
    let failures = || {
        let reader = lipsyncd::store::open_reader(&env.database()).unwrap();
        let sql = "SELECT coalesce(sum(jobs), 0) FROM failure_overview";
        reader.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert!(next().contains("lipsyncd failures"), "{}", next());
    assert_eq!(failures(), 1);
    let ran = env.run(&["dismiss", "promo/failed"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "promo/failed: dismissed\n"));
    assert!(!next().contains("lipsyncd failures"), "{}", next());
    assert_eq!(failures(), 0);
    assert_eq!(env.run(&["show", "promo/failed", "--json"]).json()["dismissed"], true);
    let again = env.run(&["dismiss", "promo/failed"]);
    assert_eq!((again.code, again.out.contains("was dismissed already")), (0, true));
    let ran = env.run(&["dismiss", "--undo", "promo/failed"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "promo/failed: counted again\n"));
    assert!(next().contains("lipsyncd failures"), "{}", next());
    let again = env.run(&["dismiss", "--undo", "promo/failed"]);
    assert_eq!((again.code, again.out.contains("is not dismissed")), (0, true));
}

#[tokio::test]
async fn dismiss_accepts_a_result_whose_manifest_changed() {
    let (env, store) = CommandEnv::with_jobs().await;
    edit(&store, "promo/succeeded").await;
    let status = env.run(&["status"]).out;
    assert!(status.contains("1 job changed after it was sent"), "{status}");
    assert!(status.contains("lipsyncd show promo/succeeded "), "{status}");
    assert_eq!(env.run(&["dismiss", "promo/succeeded"]).code, 0);
    let again = env.run(&["dismiss", "promo/succeeded"]);
    assert_eq!((again.code, again.out.as_str()), (0, "promo/succeeded: was dismissed already\n"));
    let status = env.run(&["status"]).out;
    assert!(!status.contains("changed after"), "{status}");
    assert_eq!(env.run(&["dismiss", "--undo", "promo/succeeded"]).code, 0);
    assert!(env.run(&["status"]).out.contains("1 job changed after it was sent"));
    assert_eq!(state(&store, "promo/succeeded").await, "succeeded");
}

#[tokio::test]
async fn dismiss_refuses_jobs_without_a_problem() {
    let (env, store) = CommandEnv::with_jobs().await;
    for name in ["promo/queued", "promo/succeeded", "promo/nobody"] {
        let ran = env.run(&["dismiss", name]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    }
    assert!(!job(&store, "promo/succeeded").await.dismissed);
    assert_eq!(env.run(&["dismiss"]).code, 2);
}
