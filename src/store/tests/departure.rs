//! Jobs that a scan misses, that leave, and that return.

use super::*;
use crate::store::Reader;

fn at(ms: i64) -> Moment {
    Moment { now_ms: NOW_MS + ms, ..MOMENT }
}

#[tokio::test]
async fn absent_job_is_not_created_and_returns_as_it_was() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/2", until_submitted(&session, "task")).await;
    let task = bench.task("a/1").await.id;
    assert_eq!(bench.miss("a.yaml").await, 2);
    assert_eq!(bench.store.queued(9).await.unwrap(), []);
    assert_eq!(
        (bench.state("a/1").await, bench.state("a/2").await),
        (State::Waiting, State::Submitted)
    );
    assert!(bench.store.stored_manifests().await.unwrap().is_empty());
    let back = bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    assert_eq!((back.added, bench.tasks()), (0, 2));
    assert_eq!((bench.state("a/1").await, bench.task("a/1").await.id), (State::Queued, task));
    assert_eq!(bench.state("a/2").await, State::Submitted);
}

/// It has left when a scan runs at least `watch.rescan_interval` after the first one that missed it.
#[tokio::test]
async fn job_leaves_only_after_the_interval() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/2", until_submitted(&session, "task")).await;
    bench.store.miss("a.yaml", at(0), POLICY).await.unwrap();
    let leave = async |missed_before, now| {
        let left = bench.store.orphan(NOW_MS + missed_before, at(now), POLICY).await.unwrap();
        left.into_iter().map(|change| change.key).collect::<Vec<_>>()
    };
    assert_eq!(leave(-1, 29).await, [""; 0]);
    assert_eq!(leave(0, 30).await, ["a/1"]);
    assert_eq!(leave(0, 60).await, [""; 0]);
    let cancelled = bench.job("a/1").await;
    assert_eq!((cancelled.state, cancelled.was_removed()), (State::Cancelled, true));
    // What was created is followed.
    let followed = bench.job("a/2").await;
    assert_eq!((followed.state, followed.orphaned_at_ms), (State::Submitted, Some(NOW_MS + 30)));
    bench.drive("a/2", until_succeeded()).await;
    assert_eq!(bench.state("a/2").await, State::Succeeded);
}

#[tokio::test]
async fn job_taken_out_of_its_batch_leaves() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let done = bench.accept(manifest("a.yaml", vec![wanted("a/1")])).await.unwrap();
    assert_eq!((&*done.changes[0].key, &*done.changes[0].to), ("a/2", "waiting"));
    assert_eq!(done.missing, 1);
    bench.accept(manifest("a.yaml", vec![wanted("a/1")])).await.unwrap();
    assert_eq!(bench.leave().await, 1);
    assert_eq!(
        (bench.state("a/1").await, bench.state("a/2").await),
        (State::Queued, State::Cancelled)
    );
}

#[tokio::test]
async fn others_of_a_manifest_are_missed_before_any_is_read() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let keys = ["a/1".to_owned()].into();
    let missed = bench.store.miss_others("a.yaml", keys, MOMENT, POLICY).await.unwrap();
    assert_eq!(missed.iter().map(|change| &*change.key).collect::<Vec<_>>(), ["a/2"]);
}

#[tokio::test]
async fn return_with_another_request_is_a_new_job() {
    for was_finished in [true, false] {
        let bench = Bench::new();
        bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
        let session = session(&bench.store).await;
        match was_finished {
            true => drop(bench.succeed("a").await),
            false => drop(bench.drive("a", until_submitted(&session, "task")).await),
        }
        bench.miss("a.yaml").await;
        bench.leave().await;
        bench.accept(manifest("a.yaml", vec![louder("a")])).await.unwrap();
        let job = bench.job("a").await;
        assert_eq!((job.state, job.changed_after_sent), (State::Queued, false), "{was_finished}");
        assert_eq!(bench.tasks(), 2);
    }
}

#[tokio::test]
async fn return_before_it_has_left_is_an_edit() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.succeed("a").await;
    bench.miss("a.yaml").await;
    bench.accept(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    assert!(bench.job("a").await.changed_after_sent);
    assert_eq!(bench.tasks(), 1);
}

#[tokio::test]
async fn return_of_a_job_that_a_person_cancelled_is_new_only_with_another_request() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.cancel("a").await;
    for (asked, state) in [(wanted("a"), State::Cancelled), (louder("a"), State::Queued)] {
        bench.miss("a.yaml").await;
        bench.leave().await;
        bench.accept(manifest("a.yaml", vec![asked])).await.unwrap();
        assert_eq!(bench.state("a").await, state);
    }
}

#[tokio::test]
async fn job_that_failed_before_creation_starts_again_on_its_return() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.drive("a", vec![Outcome::Refused(permanent_error("no face"))]).await;
    bench.miss("a.yaml").await;
    bench.leave().await;
    assert_eq!(bench.state("a").await, State::Failed);
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    assert_eq!((bench.state("a").await, bench.tasks()), (State::Queued, 1));
}

#[tokio::test]
async fn lead_that_leaves_passes_its_task_to_the_next() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    let session = session(&bench.store).await;
    let task = bench.drive("a", until_submitted(&session, "task")).await;
    bench.miss("a.yaml").await;
    assert_eq!(bench.state("a").await, State::Submitted, "it may return");
    bench.leave().await;
    assert_eq!((bench.state("a").await, bench.job("a").await.task), (State::Cancelled, None));
    let led = bench.task("b").await;
    assert_eq!((led.id, led.spec.key.as_str(), led.spec.output.as_str()), (task.id, "b", "b.mp4"));
    bench.drive("b", until_succeeded()).await;
    assert_eq!(bench.state("b").await, State::Succeeded);
}

#[tokio::test]
async fn refused_job_that_runs_again_is_not_created_after_it_left() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let session = session(&bench.store).await;
    let mut refused = until_submitted(&session, "never");
    refused.pop();
    refused.push(Outcome::Refused(permanent_error("1201")));
    bench.drive("a", refused).await;
    bench.retry("a").await;
    assert_eq!(bench.store.queued(9).await.unwrap().len(), 1);
    bench.miss("a.yaml").await;
    assert_eq!(bench.store.queued(9).await.unwrap(), []);
    bench.leave().await;
    assert_eq!(bench.state("a").await, State::Cancelled);
}

#[tokio::test]
async fn jobs_that_left_are_not_left_over() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    bench.drive("a/1", vec![Outcome::Refused(permanent_error("no face"))]).await;
    bench.succeed("a/2").await;
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), louder("a/2")])).await.unwrap();
    let remaining = || Reader::open(&bench.path).unwrap().remaining().unwrap();
    assert_eq!((remaining().failed, remaining().changed), (1, 1));
    let queue_status = Reader::open(&bench.path).unwrap().queue_status(NOW_MS).unwrap();
    assert_eq!(queue_status.changed_after_sent, 1);
    bench.miss("a.yaml").await;
    assert!(remaining().is_empty(), "{:?}", remaining());
}

/// Another job runs the failed request again: a job that has left does not run with it, and does not keep it running.
#[tokio::test]
async fn absent_job_does_not_run_again_with_another() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    bench.drive("a", vec![Outcome::Refused(permanent_error("no face"))]).await;
    bench.miss("a.yaml").await;
    bench.retry("b").await;
    assert_eq!((bench.state("a").await, bench.state("b").await), (State::Failed, State::Queued));
    let error: String = bench.value("SELECT error FROM job_overview WHERE key = 'a'");
    assert_eq!(error, "no face");
    bench.cancel("b").await;
    assert_eq!(bench.store.queued(9).await.unwrap(), []);
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    assert_eq!((bench.state("a").await, bench.tasks()), (State::Queued, 1));
}

/// The job goes missing while its create request is in flight, and Kling takes no task for now.
#[tokio::test]
async fn absent_job_is_not_sent_again() {
    for has_left in [false, true] {
        let bench = Bench::new();
        bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
        let session = session(&bench.store).await;
        let mut creating = until_submitted(&session, "never");
        creating.pop();
        bench.drive("a", creating).await;
        bench.miss("a.yaml").await;
        if has_left {
            bench.leave().await;
        }
        assert_eq!(bench.state("a").await, State::Creating, "it may exist");
        let task = bench.drive("a", vec![Outcome::Deferred("1303".to_owned())]).await;
        assert_eq!(task.state, State::Cancelled);
        let state = if has_left { State::Cancelled } else { State::Waiting };
        assert_eq!((bench.state("a").await, bench.job("a").await.was_removed()), (state, has_left));
        bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
        assert_eq!((bench.state("a").await, bench.tasks()), (State::Queued, 1));
    }
}

/// Its file is brought to its place again: it had succeeded before.
#[tokio::test]
async fn delivered_job_that_leaves_while_it_is_fetched_is_not_cancelled() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    bench.succeed("a").await;
    bench.command("a", Command::Fetch).await.unwrap();
    bench.miss("a.yaml").await;
    bench.leave().await;
    let job = bench.job("a").await;
    assert_eq!((job.state, job.task), (State::Downloading, Some(bench.task("b").await.id)));
    assert!(job.orphaned_at_ms.is_some());
    let due = bench.store.due_deliveries(NOW_MS, 3_600_000, 9).await.unwrap();
    assert!(due.iter().any(|due| due.job.spec.key == "a"));
}
