//! Takes: which one a job joins, what a retry begins, and what `cancel` takes back.

use super::*;
use crate::store::{DetachReason, JobState};

async fn one_job() -> Bench {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench
}

/// Kling accepted it, and it failed there.
async fn fail(bench: &Bench, key: &str, task_id: &str) -> Task {
    let session = session(&bench.store).await;
    bench.drive(key, until_submitted(&session, task_id)).await;
    let failed =
        Outcome::TaskFailed { message: "no face".to_owned(), charge: Some(Charge::units(1)) };
    bench.drive(key, vec![failed]).await
}

async fn judged(bench: &Bench, key: &str) -> JobState {
    crate::store::Reader::open(&bench.path).unwrap().job_state(key).unwrap().unwrap()
}

#[tokio::test]
async fn retry_of_what_was_not_accepted_sends_the_same_take() {
    let bench = one_job().await;
    let task = bench.drive("a", vec![Outcome::Refused(permanent_error("no face"))]).await;
    let job = bench.retry("a").await;
    let again = bench.task("a").await;
    assert_eq!((again.id, again.take, again.state), (task.id, 1, State::Queued));
    assert_eq!(
        (job.state, job.earlier_task, again.sessions_after_ms),
        (State::Queued, None, NOW_MS)
    );
    let job = bench.cancel("a").await;
    assert_eq!((job.state, job.task), (State::Cancelled, None));
    bench.retry("a").await;
    assert_eq!((bench.task("a").await.id, bench.tasks()), (task.id, 1));
}

#[tokio::test]
async fn retry_of_an_accepted_task_begins_the_next_take() {
    let bench = one_job().await;
    let first = bench.succeed("a").await;
    let job = bench.retry("a").await;
    let second = bench.task("a").await;
    assert_eq!((second.take, second.name), (2, format!("{}-2", first.name)));
    assert_eq!((job.state, job.earlier_task), (State::Queued, Some(first.id)));
    assert_eq!(job.delivered, delivered_file(), "its earlier file is still there");
    let reported: String = bench.value("SELECT what FROM job_history WHERE what LIKE 'retry%'");
    assert_eq!(reported, "retry: take 2 begins");
}

#[tokio::test]
async fn retry_of_a_shared_task_uses_the_take_that_another_retry_began() {
    let bench = one_job().await;
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    fail(&bench, "a", "1").await;
    assert!(!judged(&bench, "a").await.retry_is_free);
    bench.retry("a").await;
    assert!(judged(&bench, "b").await.retry_is_free, "the task of a is paid in any case");
    bench.retry("b").await;
    assert_eq!((bench.task("a").await.id, bench.tasks()), (bench.task("b").await.id, 2));
    // Once that take is there, a retry of the first only uses it.
    bench
        .accept(manifest("c.yaml", vec![changed(same_as("a", "c"), |spec| spec.take = Some(1))]))
        .await
        .unwrap();
    assert_eq!(bench.state("c").await, State::Failed);
    bench.succeed("a").await;
    assert!(judged(&bench, "c").await.retry_is_free);
    bench.retry("c").await;
    assert_eq!((bench.state("c").await, bench.tasks()), (State::Downloading, 2));
    let reported: String =
        bench.value("SELECT what FROM job_history WHERE key = 'c' AND what LIKE 'retry%'");
    assert_eq!(reported, "retry: take 2 already exists and is used");
}

#[tokio::test]
async fn retry_skips_takes_that_failed() {
    let bench = one_job().await;
    let asking = |key, take| changed(same_as("a", key), |spec| spec.take = Some(take));
    bench.accept(manifest("b.yaml", vec![asking("b/2", 2), asking("b/3", 3)])).await.unwrap();
    bench.succeed("a").await;
    fail(&bench, "b/2", "2").await;
    bench.retry("a").await;
    assert_eq!((bench.task("a").await.take, bench.tasks()), (3, 3));
}

#[tokio::test]
async fn new_job_joins_the_highest_take_that_has_not_failed() {
    let bench = one_job().await;
    bench.succeed("a").await;
    bench.retry("a").await;
    fail(&bench, "a", "2").await;
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    assert_eq!(bench.task("b").await.take, 1);
    bench.retry("a").await;
    bench.accept(manifest("c.yaml", vec![same_as("a", "c")])).await.unwrap();
    assert_eq!((bench.task("c").await.take, bench.tasks()), (3, 3));
}

/// All its takes failed at Kling: a new job is no reason to pay again.
#[tokio::test]
async fn new_job_of_a_failed_request_fails() {
    let bench = one_job().await;
    fail(&bench, "a", "1").await;
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    assert_eq!((bench.state("b").await, bench.tasks()), (State::Failed, 1));
    let error: String = bench.value("SELECT error FROM job_overview WHERE key = 'b'");
    assert_eq!(error, "no face");
}

#[tokio::test]
async fn edited_take_runs_whatever_on_change_says() {
    let bench = one_job().await;
    let first = bench.succeed("a").await;
    let take = |take| changed(wanted("a"), |spec| spec.take = take);
    bench.accept(manifest("a.yaml", vec![take(Some(2))])).await.unwrap();
    let job = bench.job("a").await;
    assert_eq!((bench.task("a").await.take, job.state), (2, State::Queued));
    assert_eq!((job.changed_after_sent, job.earlier_task), (false, Some(first.id)));
    // Back to the first take: its result is there.
    bench.accept(manifest("a.yaml", vec![take(Some(1))])).await.unwrap();
    assert_eq!((bench.task("a").await.id, bench.state("a").await), (first.id, State::Succeeded));
    // Without `take:` it keeps what it has.
    bench.accept(manifest("a.yaml", vec![take(None)])).await.unwrap();
    assert_eq!((bench.task("a").await.id, bench.tasks()), (first.id, 2));
}

#[tokio::test]
async fn retry_of_a_flagged_job_makes_its_new_request() {
    let bench = one_job().await;
    bench.succeed("a").await;
    bench.accept(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    let job = bench.retry("a").await;
    let task = bench.task("a").await;
    assert_eq!((task.spec.sound_volume, task.take, job.changed_after_sent), (2.0, 1, false));
}

#[tokio::test]
async fn dismiss_accepts_a_flagged_result() {
    let bench = one_job().await;
    bench.succeed("a").await;
    bench.accept(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    bench.command("a", Command::Dismiss(true)).await.unwrap();
    bench.accept(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    let job = bench.job("a").await;
    // The result is accepted; a failure would be news.
    assert_eq!(
        (job.state, job.changed_after_sent, job.dismissed),
        (State::Succeeded, false, false)
    );
    let job = bench.command("a", Command::Dismiss(false)).await.unwrap();
    assert!(job.changed_after_sent);
}

#[tokio::test]
async fn cancel_of_a_retry_goes_back_to_the_result() {
    let bench = one_job().await;
    let first = bench.succeed("a").await;
    bench.retry("a").await;
    let job = bench.cancel("a").await;
    assert_eq!((job.state, job.task, job.earlier_task), (State::Succeeded, Some(first.id), None));
    let second = "SELECT state FROM task WHERE take = 2";
    assert_eq!(bench.value::<String>(second), "cancelled");
    // Asked for again, it is the same take.
    bench.retry("a").await;
    assert_eq!((bench.task("a").await.take, bench.tasks()), (2, 2));
}

#[tokio::test]
async fn cancel_of_a_retry_of_a_failed_job_goes_back_to_its_failure() {
    let bench = one_job().await;
    fail(&bench, "a", "1").await;
    bench.retry("a").await;
    assert_eq!(bench.cancel("a").await.state, State::Failed);
    let error: String = bench.value("SELECT error FROM job_overview");
    assert_eq!(error, "no face");
}

#[tokio::test]
async fn cancel_of_an_edit_that_runs_goes_back_flagged() {
    let bench = one_job().await;
    bench.succeed("a").await;
    bench.accept_and_run(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    let job = bench.cancel("a").await;
    assert_eq!((job.state, job.changed_after_sent), (State::Succeeded, true));
}

#[tokio::test]
async fn retry_without_media_looks_at_them_again() {
    let bench = Bench::new();
    let unfit = hashed(local("a", None).spec, Err(permanent_error("too short")));
    bench.accept(manifest("a.yaml", vec![unfit])).await.unwrap();
    let job = bench.retry("a").await;
    assert_eq!((job.state, job.failure, bench.tasks()), (State::Waiting, None, 0));
    let scope = crate::store::MediaScope::Waiting;
    assert_eq!(bench.store.media_to_check(scope, 0, 9).await.unwrap().len(), 1);
}

/// After a lost database: the result of a later take is on disk.
#[tokio::test]
async fn lead_gets_the_take_whose_result_is_there() {
    let bench = one_job().await;
    let task = bench.task("a").await;
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    let left = bench.store.move_to_take(task.clone(), 3, MOMENT, POLICY).await.unwrap();
    // The file of another job says nothing of this one's.
    assert_eq!((left.id, left.take, left.spec.key.as_str()), (task.id, 1, "b"));
    let moved = bench.task("a").await;
    assert_eq!((moved.take, moved.name), (3, format!("{}-3", task.name)));
    // A job that asks for a certain take stays with it.
    let first = changed(same_as("a", "c"), |spec| spec.take = Some(2));
    bench.accept(manifest("c.yaml", vec![first])).await.unwrap();
    let second = bench.task("c").await;
    assert!(!bench.store.is_take_open(&second).await.unwrap());
    let stays = bench.store.move_to_take(second.clone(), 3, MOMENT, POLICY).await.unwrap();
    assert_eq!((stays.id, bench.task("c").await.take), (second.id, 2));
}

#[tokio::test]
async fn changed_media_take_the_lead_job_off_its_task() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![local("a", Some("01"))])).await.unwrap();
    let mut same = local("b", Some("01"));
    same.spec.audio = Source::File("copy.mp3".to_owned());
    bench.accept(manifest("b.yaml", vec![hashed(same.spec, same.media)])).await.unwrap();
    let task = bench.task("a").await;
    let what = "audio a.mp3 changed".to_owned();
    let task = bench
        .store
        .detach_lead(task, DetachReason::MediaChanged(what), MOMENT, POLICY)
        .await
        .unwrap();
    assert_eq!((task.state, task.spec.key.as_str()), (State::Queued, "b"));
    let job = bench.job("a").await;
    assert_eq!((job.state, job.task), (State::Waiting, None));
    let task = bench
        .store
        .detach_lead(task, DetachReason::MediaChanged("also".to_owned()), MOMENT, POLICY)
        .await;
    assert_eq!(task.unwrap().state, State::Cancelled);
}
