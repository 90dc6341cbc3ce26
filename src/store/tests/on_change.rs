//! What `watch.on_change: run` makes of an edit after the task was created.

use super::*;
use crate::store::RUN_AT_ONCE_MAX;

#[tokio::test]
async fn on_change_run_makes_the_new_request_once() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let first = bench.succeed("a").await;
    for _ in 0..2 {
        bench.accept_and_run(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    }
    let (job, task) = (bench.job("a").await, bench.task("a").await);
    assert_eq!((job.state, job.changed_after_sent, task.take), (State::Queued, false, 1));
    assert_eq!((job.earlier_task, bench.tasks()), (Some(first.id), 2));
    // An edit back has its result already.
    bench.accept_and_run(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let job = bench.job("a").await;
    assert_eq!((job.state, job.task, bench.tasks()), (State::Succeeded, Some(first.id), 2));
}

#[tokio::test]
async fn on_change_run_follows_a_task_that_was_created() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let session = session(&bench.store).await;
    let sent = bench.drive("a", until_submitted(&session, "task")).await;
    bench.accept_and_run(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    assert_eq!(bench.task("a").await.state, State::Queued);
    let followed = bench.store.due_in_state(State::Submitted, NOW_MS, i64::MAX, 9).await.unwrap();
    assert_eq!(followed.len(), 1);
    assert!(followed[0].id == sent.id && followed[0].is_superseded);
    let task = bench.store.record(after(&followed[0], Outcome::Processing), None, NOW_MS).await;
    let done = until_succeeded().into_iter().skip(1);
    let mut task = task.unwrap();
    for outcome in done {
        task = bench.store.record(after(&task, outcome), None, NOW_MS).await.unwrap();
    }
    // The job waits for its newer result; the earlier one is in its history.
    assert_eq!((bench.state("a").await, bench.job("a").await.delivered), (State::Queued, None));
    let reported = "SELECT count(*) FROM job_history WHERE what LIKE 'earlier task%delivered%'";
    assert_eq!(bench.value::<i64>(reported), 1);
}

async fn finished(count: usize) -> (Bench, Vec<String>) {
    let bench = Bench::new();
    let keys: Vec<String> = (0..count).map(|number| format!("a/{number}")).collect();
    let jobs = keys.iter().map(|key| wanted(key)).collect();
    bench.accept(manifest("a.yaml", jobs)).await.unwrap();
    for key in &keys {
        bench.succeed(key).await;
    }
    (bench, keys)
}

#[tokio::test]
async fn on_change_run_flags_more_than_20_finished_jobs() {
    let (bench, keys) = finished(RUN_AT_ONCE_MAX + 1).await;
    let all = keys.iter().map(|key| louder(key)).collect();
    let done = bench.accept_and_run(manifest("a.yaml", all)).await.unwrap();
    assert_eq!((done.flagged, done.changed), (RUN_AT_ONCE_MAX + 1, 0));
    assert_eq!(bench.tasks() as usize, keys.len());
}

#[tokio::test]
async fn on_change_run_makes_20_finished_jobs() {
    let (bench, keys) = finished(RUN_AT_ONCE_MAX + 1).await;
    let mut jobs: Vec<_> = keys.iter().map(|key| louder(key)).collect();
    jobs[0] = wanted(&keys[0]);
    let done = bench.accept_and_run(manifest("a.yaml", jobs)).await.unwrap();
    assert_eq!((done.flagged, done.changed), (0, RUN_AT_ONCE_MAX));
}

/// The request changes while its create request is in flight, and Kling takes no task for now.
#[tokio::test]
async fn superseded_request_is_not_sent_again() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let session = session(&bench.store).await;
    let mut creating = until_submitted(&session, "never");
    creating.pop();
    let creating = bench.drive("a", creating).await;
    bench.accept_and_run(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    let held = after(
        &bench.store.task(creating.id).await.unwrap().unwrap(),
        Outcome::Deferred("1303".to_owned()),
    );
    let task = bench.store.record(held, None, NOW_MS).await.unwrap();
    assert_eq!((task.state, bench.state("a").await), (State::Cancelled, State::Queued));
    // The edit back asks for that request after all.
    bench.accept_and_run(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    assert_eq!((bench.task("a").await.id, bench.state("a").await), (creating.id, State::Queued));
}
