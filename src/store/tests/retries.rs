//! A retry that was not sent yet, and what happens in the folder meanwhile.

use super::*;

/// A job whose first take succeeded, and whose retry is in line.
async fn retried(take: Option<u32>) -> (Bench, WantedJob) {
    let bench = Bench::new();
    let job = changed(wanted("a"), |spec| spec.take = take);
    bench.accept(manifest("a.yaml", vec![job.clone()])).await.unwrap();
    bench.succeed("a").await;
    bench.retry("a").await;
    assert_eq!(bench.task("a").await.take, take.unwrap_or(1) + 1);
    (bench, job)
}

#[tokio::test]
async fn renamed_manifest_keeps_a_retry() {
    let (bench, _) = retried(None).await;
    bench.miss("a.yaml").await;
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    let task = bench.task("b").await;
    assert_eq!((task.take, task.state, bench.tasks()), (2, State::Queued, 2));
}

#[tokio::test]
async fn manifest_with_errors_keeps_a_retry() {
    let (bench, job) = retried(None).await;
    bench.store.hold("a.yaml", "its manifest to be mended", MOMENT, POLICY).await.unwrap();
    assert_eq!(bench.state("a").await, State::Waiting);
    bench.accept(manifest("a.yaml", vec![job])).await.unwrap();
    let task = bench.task("a").await;
    assert_eq!((task.take, task.state, bench.tasks()), (2, State::Queued, 2));
}

#[tokio::test]
async fn take_of_the_manifest_does_not_undo_a_retry() {
    let (bench, job) = retried(Some(3)).await;
    let hurried = changed(job, |spec| spec.priority = 5);
    bench.accept(manifest("a.yaml", vec![hurried])).await.unwrap();
    let task = bench.task("a").await;
    assert_eq!((task.take, task.spec.priority, bench.tasks()), (4, 5, 2));
}

#[tokio::test]
async fn edited_take_ends_a_retry() {
    let (bench, job) = retried(Some(3)).await;
    let first = changed(job, |spec| spec.take = Some(1));
    bench.accept(manifest("a.yaml", vec![first])).await.unwrap();
    assert_eq!(bench.task("a").await.take, 1);
    assert_eq!(bench.job("a").await.retry_take, None);
}

#[tokio::test]
async fn second_retry_can_be_taken_back_to_the_result() {
    let (bench, _) = retried(None).await;
    bench.drive("a", vec![Outcome::Refused(permanent_error("output_taken"))]).await;
    assert_eq!(bench.state("a").await, State::Failed);
    bench.retry("a").await;
    let job = bench.cancel("a").await;
    assert_eq!((job.state, bench.task("a").await.take), (State::Succeeded, 1));
}

#[tokio::test]
async fn renamed_job_that_a_person_cancelled_stays_so() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.cancel("a").await;
    bench.miss("a.yaml").await;
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    assert_eq!(bench.state("b").await, State::Cancelled);
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM job"), 1);
}

#[tokio::test]
async fn accepted_change_that_fails_later_is_counted() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a", until_submitted(&session, "k1")).await;
    bench.accept(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    bench.command("a", Command::Dismiss(true)).await.unwrap();
    let failed =
        Outcome::TaskFailed { message: "no face".to_owned(), charge: Some(Charge::units(1)) };
    bench.drive("a", vec![failed]).await;
    let job = bench.job("a").await;
    assert_eq!((job.state, job.dismissed), (State::Failed, false));
}
