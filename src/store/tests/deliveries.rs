//! Each job's own file: what is due, what failed, and where files were moved.

use super::*;
use crate::{
    job::{DeliveryOutcome, outcome::TransientError},
    store::{DueDelivery, MovedFile, Undelivered},
};

/// `a` has its file, `b` waits for a copy.
async fn waiting_for_a_copy() -> (Bench, DueDelivery) {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    bench.succeed("a").await;
    let due = due(&bench, NOW_MS).await.remove(0);
    (bench, due)
}

/// How many jobs are reported without their paid result so long after the problem began, the first of them, and why.
async fn undelivered(bench: &Bench, after_ms: i64) -> Option<(i64, String, String)> {
    let status = bench.store.queue_status(NOW_MS + after_ms).await.unwrap();
    status.undelivered.map(|Undelivered { jobs, first_job, reason }| (jobs, first_job, reason))
}

async fn due(bench: &Bench, now_ms: i64) -> Vec<DueDelivery> {
    bench.store.due_deliveries(now_ms, 3_600_000, 9).await.unwrap()
}

#[tokio::test]
async fn failed_delivery_rests_is_reported_once_and_needs_a_person_after_five_minutes() {
    let (bench, mut next) = waiting_for_a_copy().await;
    let trouble = || {
        let (code, message) = ("5000".to_owned(), "no answer".to_owned());
        DeliveryOutcome::Failed(TransientError { code, message, retry_after_ms: None })
    };
    for tries in 1..=3 {
        bench.store.record_delivery(next.job, trouble(), Vec::new(), MOMENT, POLICY).await.unwrap();
        assert!(due(&bench, NOW_MS).await.is_empty(), "{tries}");
        next = due(&bench, NOW_MS + 3_600_000).await.remove(0);
        assert_eq!(next.job.delivery.tries, tries);
    }
    let reported = "SELECT count(*) FROM job_history WHERE what LIKE '%no answer'";
    assert_eq!(bench.value::<i64>(reported), 1);
    let why: String = bench.value("SELECT waiting_for FROM job_overview WHERE key = 'b'");
    assert_eq!(why, "no answer");
    assert_eq!(undelivered(&bench, 299_999).await, None);
    assert_eq!(
        undelivered(&bench, 300_000).await,
        Some((1, "b".to_owned(), "no answer".to_owned()))
    );
    let wakes_at = bench.store.next_due_at_ms(NOW_MS).await.unwrap();
    assert_eq!(wakes_at, Some(next.job.delivery.due_at_ms));
    // The clock was set back: no rest is that long.
    assert_eq!(due(&bench, NOW_MS - 9_000_000).await.len(), 1);
    bench.store.record_delivery(next.job, delivered(), Vec::new(), MOMENT, POLICY).await.unwrap();
    assert_eq!(bench.state("b").await, State::Succeeded);
    assert_eq!(undelivered(&bench, 300_000).await, None);
}

#[tokio::test]
async fn jobs_without_the_paid_result_are_counted_and_the_first_is_named() {
    let bench = Bench::new();
    for key in ["a", "b", "c"] {
        bench.accept(manifest(&format!("{key}.yaml"), vec![same_as("a", key)])).await.unwrap();
    }
    bench.cancel("c").await;
    let session = session(&bench.store).await;
    bench.drive("a", until_submitted(&session, "task")).await;
    let problem = |message: &str| TransientError {
        code: "5000".to_owned(),
        message: message.to_owned(),
        retry_after_ms: None,
    };
    // Before the task has ended at Kling, there is no result.
    bench.drive("a", vec![Outcome::TaskNotFound("no task".to_owned())]).await;
    assert_eq!(undelivered(&bench, 300_000).await, None);
    bench.drive("a", vec![Outcome::TaskSucceeded { charge: None }]).await;
    bench.drive("a", vec![Outcome::TransientError(problem("in the way"))]).await;
    assert_eq!(undelivered(&bench, 299_999).await, None);
    let reason = "try 1 failed: in the way".to_owned();
    assert_eq!(undelivered(&bench, 300_000).await, Some((2, "a".to_owned(), reason)));
    // A full disk has a report of its own.
    bench.drive("a", vec![Outcome::OutputBlocked(problem("no room"))]).await;
    assert_eq!(undelivered(&bench, 300_000).await, None);
}

/// However many jobs wait for the download of their task, only deliveries are read.
#[tokio::test]
async fn only_deliveries_have_a_due_time() {
    let bench = Bench::new();
    for key in ["a", "b", "c"] {
        bench.accept(manifest(&format!("{key}.yaml"), vec![wanted(key)])).await.unwrap();
        let session = session(&bench.store).await;
        bench.drive(key, until_submitted(&session, key)).await;
        bench.drive(key, vec![Outcome::Processing]).await;
        bench.drive(key, vec![Outcome::TaskSucceeded { charge: None }]).await;
    }
    let copies = ["d", "e"].map(|key| same_as("a", key));
    bench.accept(manifest("d.yaml", copies.to_vec())).await.unwrap();
    let waiting = || -> String {
        bench.value(
            "SELECT coalesce(group_concat(key), '') FROM (SELECT key FROM job INDEXED BY job_due
             WHERE due_at_ms IS NOT NULL ORDER BY key)",
        )
    };
    assert_eq!((bench.state("d").await, waiting()), (State::Downloading, String::new()));
    let result = until_succeeded().pop().unwrap();
    bench.drive("a", vec![result]).await;
    assert_eq!(waiting(), "d,e");
    let first = due(&bench, NOW_MS).await.remove(0);
    bench.store.record_delivery(first.job, delivered(), Vec::new(), MOMENT, POLICY).await.unwrap();
    assert_eq!(waiting(), "e");
    // A new job of a task that has its result is a delivery at once.
    bench.accept(manifest("f.yaml", vec![same_as("a", "f")])).await.unwrap();
    assert_eq!(waiting(), "e,f");
    bench.command("d", Command::Fetch).await.unwrap();
    assert_eq!(waiting(), "d,e,f");
}

#[tokio::test]
async fn refused_delivery_fails_that_job_alone() {
    let (bench, next) = waiting_for_a_copy().await;
    let refused = DeliveryOutcome::Refused(permanent_error("Kling deleted the result"));
    bench.store.record_delivery(next.job, refused, Vec::new(), MOMENT, POLICY).await.unwrap();
    let error: String = bench.value("SELECT error FROM job_overview WHERE key = 'b'");
    assert_eq!(error, "Kling deleted the result");
    assert_eq!((bench.state("a").await, bench.state("b").await), (State::Succeeded, State::Failed));
    assert_eq!(bench.task("b").await.state, State::Succeeded);
}

#[tokio::test]
async fn delivery_to_a_job_that_changed_meanwhile_counts_nothing() {
    let (bench, next) = waiting_for_a_copy().await;
    let elsewhere = changed(same_as("a", "b"), |spec| spec.output = "x.mp4".to_owned());
    bench.accept(manifest("b.yaml", vec![elsewhere])).await.unwrap();
    let reported =
        bench.store.record_delivery(next.job, delivered(), Vec::new(), MOMENT, POLICY).await;
    assert_eq!(reported.unwrap(), None);
    let again = due(&bench, NOW_MS).await.remove(0);
    assert_eq!(again.job.output, "x.mp4");
}

#[tokio::test]
async fn fetch_brings_the_file_again() {
    let (bench, next) = waiting_for_a_copy().await;
    bench.store.record_delivery(next.job, delivered(), Vec::new(), MOMENT, POLICY).await.unwrap();
    for key in ["a", "b"] {
        let job = bench.command(key, Command::Fetch).await.unwrap();
        assert_eq!((job.state, job.output), (State::Downloading, format!("{key}.mp4")));
    }
    assert_eq!(due(&bench, NOW_MS).await.len(), 2);
    assert_eq!(bench.tasks(), 1);
}

#[tokio::test]
async fn moved_file_is_known_by_its_new_name() {
    let bench = Bench::new();
    bench.accept(manifest("old.yaml", vec![wanted("old")])).await.unwrap();
    let task = bench.succeed("old").await;
    bench.miss("old.yaml").await;
    bench.accept(manifest("new.yaml", vec![same_as("old", "new")])).await.unwrap();
    let moved = MovedFile {
        from: "old.mp4".to_owned(),
        to: "old.0a1b2c3d.mp4".to_owned(),
        request_hash: task.request_hash,
        take: 1,
    };
    bench.store.record_moved(vec![moved]).await.unwrap();
    assert_eq!(bench.job("new").await.output, "old.0a1b2c3d.mp4");
}

#[tokio::test]
async fn delivery_that_moves_the_jobs_own_earlier_file_counts() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let first = bench.succeed("a").await;
    // Another job has the next take already.
    let next_take = changed(same_as("a", "b"), |spec| spec.take = Some(2));
    bench.accept(manifest("b.yaml", vec![next_take])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("b", until_submitted(&session, "second")).await;
    let mut ended = until_succeeded();
    let other = ResultFile { bytes: 9, sha256: "def0".to_owned(), duration_ms: None };
    ended.splice(2.., [Outcome::Delivered(other)]);
    bench.drive("b", ended).await;
    bench.retry("a").await;
    let next = due(&bench, NOW_MS).await.remove(0);
    assert_eq!((&*next.job.spec.key, next.job.earlier_task), ("a", Some(first.id)));
    let moved = MovedFile {
        from: "a.mp4".to_owned(),
        to: "a.0a1b2c3d.mp4".to_owned(),
        request_hash: first.request_hash,
        take: 1,
    };
    let attempt = DeliveryOutcome::Delivered { sha256: "def0".to_owned(), bytes: 9 };
    let delivery =
        bench.store.record_delivery(next.job, attempt, vec![moved], MOMENT, POLICY).await;
    assert!(delivery.unwrap().is_some());
    let job = bench.job("a").await;
    assert_eq!((job.state, job.output.as_str()), (State::Succeeded, "a.mp4"));
    assert_eq!(job.delivered, Some(("def0".to_owned(), 9)));
}
