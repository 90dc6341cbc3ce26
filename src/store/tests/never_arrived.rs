//! Create requests that never arrived, or whose outcome nobody knows, of jobs that changed meanwhile.

use super::*;

/// The job's create request was sent, and its answer was lost.
async fn lose(bench: &Bench, key: &str) -> Task {
    let session = session(&bench.store).await;
    let mut outcomes = until_submitted(&session, "lost");
    outcomes.pop();
    outcomes.push(Outcome::Lost("no answer".to_owned()));
    bench.drive(key, outcomes).await
}

async fn never_arrived(bench: &Bench, task: Task, media_changed: Option<&str>) -> (Task, bool) {
    let what = media_changed.map(str::to_owned);
    bench.store.never_arrived(task, what, MOMENT, POLICY).await.unwrap()
}

#[tokio::test]
async fn lost_request_that_is_still_asked_for_stays() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let lost = lose(&bench, "a").await;
    let (task, is_asked) = never_arrived(&bench, lost, None).await;
    assert_eq!((task.state, is_asked), (State::Creating, true));
}

#[tokio::test]
async fn flagged_job_runs_its_new_request_when_the_earlier_never_arrived() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let lost = lose(&bench, "a").await;
    bench.accept(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    assert!(bench.job("a").await.changed_after_sent);
    let lost = bench.store.task(lost.id).await.unwrap().unwrap();
    let (task, is_asked) = never_arrived(&bench, lost, None).await;
    assert_eq!((task.state, is_asked), (State::Cancelled, false));
    let job = bench.job("a").await;
    assert_eq!((job.state, job.changed_after_sent), (State::Queued, false));
    assert_ne!(bench.task("a").await.id, task.id);
}

#[tokio::test]
async fn new_content_of_a_lost_request_is_looked_at() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![local("a", Some("one"))])).await.unwrap();
    let lost = lose(&bench, "a").await;
    let (task, is_asked) = never_arrived(&bench, lost, Some("a.mp3 changed")).await;
    assert_eq!((task.state, is_asked), (State::Cancelled, false));
    let job = bench.job("a").await;
    assert_eq!((job.state, job.task), (State::Waiting, None));
    bench.accept(manifest("a.yaml", vec![local("a", Some("two"))])).await.unwrap();
    assert_eq!(bench.state("a").await, State::Queued);
}

/// The request that it asks for now is not known: it gets no task before its media are there.
#[tokio::test]
async fn job_without_its_media_waits_when_its_request_never_arrived() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![local("a", Some("one"))])).await.unwrap();
    let lost = lose(&bench, "a").await;
    let edited = changed(local("a", None), |spec| spec.sound_volume = 2.0);
    bench.accept(manifest("a.yaml", vec![edited])).await.unwrap();
    let lost = bench.store.task(lost.id).await.unwrap().unwrap();
    let (task, _) = never_arrived(&bench, lost, None).await;
    assert_eq!(task.state, State::Cancelled);
    assert_eq!(bench.state("a").await, State::Waiting);
}

#[tokio::test]
async fn job_that_left_is_not_sent_again() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let lost = lose(&bench, "a").await;
    bench.miss("a.yaml").await;
    let (held, is_asked) = never_arrived(&bench, lost, None).await;
    assert_eq!((held.state, is_asked), (State::Creating, false), "it may be on its way elsewhere");
    bench.leave().await;
    let lost = bench.store.task(held.id).await.unwrap().unwrap();
    let (task, _) = never_arrived(&bench, lost, None).await;
    assert_eq!(task.state, State::Cancelled);
    assert!(bench.job("a").await.was_removed());
}

async fn superseded(bench: &Bench) -> Task {
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    lose(bench, "a").await;
    let unresolved = bench.drive("a", vec![Outcome::Conflict("nobody knows".to_owned())]).await;
    bench.accept_and_run(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    assert_eq!(bench.state("a").await, State::Queued);
    bench.store.task(unresolved.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn superseded_request_is_decided_by_its_job() {
    let bench = Bench::new();
    let earlier = superseded(&bench).await;
    let task_id = || "found".to_owned();
    let found = Outcome::ResolvedAs { task_id: task_id() };
    bench.command("a", Command::Task(found)).await.unwrap();
    let task = bench.store.task(earlier.id).await.unwrap().unwrap();
    assert_eq!((task.state, task.task_id), (State::Submitted, Some(task_id())));
    assert_eq!(bench.state("a").await, State::Queued, "its own task is another one");
}

#[tokio::test]
async fn superseded_request_that_was_not_sent_is_cancelled() {
    let bench = Bench::new();
    let earlier = superseded(&bench).await;
    bench.command("a", Command::Task(Outcome::ResolvedAsUnsent { is_sure: false })).await.unwrap();
    let task = bench.store.task(earlier.id).await.unwrap().unwrap();
    assert_eq!(task.state, State::Cancelled);
}

/// A task whose create request was sent and never arrived is asked for again by another job.
#[tokio::test]
async fn task_that_begins_again_has_the_priority_of_its_new_job() {
    let bench = Bench::new();
    let urgent = changed(local("a", Some("one")), |spec| spec.priority = 5);
    bench.accept(manifest("a.yaml", vec![urgent])).await.unwrap();
    let lost = lose(&bench, "a").await;
    never_arrived(&bench, lost, Some("a.mp3 changed")).await;
    let again = |spec: &mut JobSpec| {
        spec.audio = Source::File("a.mp3".to_owned());
        spec.not_before_at_ms = Some(NOW_MS + 1);
    };
    let again = changed(local("b", Some("one")), again);
    bench.accept(manifest("b.yaml", vec![again])).await.unwrap();
    let task = bench.task("b").await;
    assert_eq!(bench.tasks(), 1);
    assert_eq!((task.spec.priority, task.state), (0, State::Waiting));
}

/// The earlier task turns out not to exist: there is nothing that a cancelled edit could go back to.
#[tokio::test]
async fn edit_is_cancelled_after_the_earlier_request_never_arrived() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let lost = lose(&bench, "a").await;
    bench.accept_and_run(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    assert_ne!(bench.task("a").await.id, lost.id);
    let lost = bench.store.task(lost.id).await.unwrap().unwrap();
    assert_eq!(never_arrived(&bench, lost, None).await.0.state, State::Cancelled);
    let job = bench.cancel("a").await;
    assert_eq!((job.state, job.task, job.changed_after_sent), (State::Cancelled, None, false));
    let code: String = bench.value("SELECT error_code FROM job_overview");
    assert_eq!(code, "cancelled");
}
