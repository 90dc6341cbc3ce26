//! Jobs that ask for the same request and take share one task.

use super::*;
use crate::store::Reader;

/// `a/1` and `b/1` ask for the same.
async fn two_jobs() -> Bench {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1")])).await.unwrap();
    bench.accept(manifest("b.yaml", vec![same_as("a/1", "b/1")])).await.unwrap();
    bench
}

#[tokio::test]
async fn same_request_is_one_task() {
    let bench = two_jobs().await;
    assert_eq!((bench.tasks(), bench.task("a/1").await), (1, bench.task("b/1").await));
    assert_eq!(bench.task("a/1").await.spec.key, "a/1");
    let shared: String =
        bench.value("SELECT group_concat(key || ' with ' || shares_task_with) FROM job_overview");
    assert_eq!(shared, "a/1 with b/1,b/1 with a/1");
    let why: String = bench.value("SELECT waiting_for FROM job_overview WHERE key = 'b/1'");
    assert_eq!(why, "shares the task of a/1");
    // Also within one manifest, and where only what Kling is not asked for differs.
    let labelled = changed(same_as("a/1", "c/2"), |spec| spec.labels.clear());
    bench.accept(manifest("c.yaml", vec![same_as("a/1", "c/1"), labelled])).await.unwrap();
    assert_eq!(bench.tasks(), 1);
    // Another request, or take, is another task.
    let take = changed(same_as("a/1", "d/1"), |spec| spec.take = Some(2));
    bench.accept(manifest("d.yaml", vec![take, louder("d/2")])).await.unwrap();
    assert_eq!(bench.tasks(), 3);
}

#[tokio::test]
async fn all_jobs_show_their_task_and_each_gets_a_file() {
    let bench = two_jobs().await;
    let session = session(&bench.store).await;
    for outcome in until_submitted(&session, "task") {
        let state = bench.drive("b/1", vec![outcome]).await.state;
        assert_eq!([bench.state("a/1").await, bench.state("b/1").await], [state, state]);
    }
    bench.drive("b/1", until_succeeded()).await;
    assert_eq!(bench.state("a/1").await, State::Succeeded);
    assert_eq!(bench.state("b/1").await, State::Downloading);
    let due = bench.store.due_deliveries(NOW_MS, i64::MAX, 9).await.unwrap();
    let [due] = <[_; 1]>::try_from(due).unwrap();
    assert_eq!((due.job.spec.key.as_str(), due.job.output.as_str()), ("b/1", "b/1.mp4"));
    assert_eq!(
        bench.store.copies_of(&due.task, due.job.id, "result").await.unwrap().0,
        ["a/1.mp4"]
    );
    let reported = bench
        .store
        .record_delivery(due.job, delivered(), Vec::new(), MOMENT, POLICY)
        .await
        .unwrap();
    assert_eq!((&*reported.unwrap().key, bench.state("b/1").await), ("b/1", State::Succeeded));
    // What it cost is counted once, at the first.
    let units: String = bench.value("SELECT group_concat(units) FROM job_overview");
    assert_eq!(units, "1.05,0.0");
    assert_eq!(bench.value::<f64>("SELECT sum(units) FROM spend_by_day"), 1.05);
    assert_eq!(bench.value::<i64>("SELECT jobs FROM task_overview"), 2);
}

#[tokio::test]
async fn shared_task_holds_one_slot() {
    let bench = two_jobs().await;
    let session = session(&bench.store).await;
    bench.drive("a/1", until_submitted(&session, "task")).await;
    assert_eq!(Reader::open(&bench.path).unwrap().queue_status(NOW_MS).unwrap().slots_used, 1);
    assert_eq!(bench.value::<i64>("SELECT slots_used FROM queue_status"), 1);
}

#[tokio::test]
async fn new_job_of_a_finished_task_only_gets_a_copy() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.succeed("a").await;
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    assert_eq!((bench.state("b").await, bench.tasks()), (State::Downloading, 1));
    assert_eq!(bench.store.due_deliveries(NOW_MS, i64::MAX, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn shared_task_is_as_urgent_as_its_most_urgent_job() {
    let bench = Bench::new();
    let asking = |key, priority, not_before_at_ms| {
        changed(same_as("a", key), |spec| {
            (spec.priority, spec.not_before_at_ms) = (priority, not_before_at_ms);
        })
    };
    let (at_20, at_30) = (Some(NOW_MS + 20), Some(NOW_MS + 30));
    bench.accept(manifest("a.yaml", vec![asking("a", 0, at_30)])).await.unwrap();
    let now = async || {
        let task = bench.task("a").await;
        (task.state, task.spec.priority, task.spec.not_before_at_ms, task.due_at_ms)
    };
    assert_eq!(now().await, (State::Waiting, 0, at_30, NOW_MS + 30));
    bench.accept(manifest("b.yaml", vec![asking("b", 5, at_20)])).await.unwrap();
    assert_eq!(now().await, (State::Waiting, 5, at_20, NOW_MS + 20));
    bench.accept(manifest("c.yaml", vec![asking("c", 1, None)])).await.unwrap();
    assert_eq!(now().await, (State::Waiting, 5, None, 0));
    bench.drive("a", vec![Outcome::Due]).await;
    // Who leaves takes its wishes along.
    bench.cancel("b").await;
    assert_eq!(now().await, (State::Queued, 1, None, 0));
    bench.cancel("c").await;
    assert_eq!(now().await, (State::Waiting, 0, at_30, NOW_MS + 30));
    assert_eq!(bench.state("a").await, State::Waiting);
}

#[tokio::test]
async fn next_lead_job_leaves_the_task_as_urgent_as_the_others_ask() {
    let bench = Bench::new();
    for (key, priority) in [("a", 0), ("b", 1), ("c", 5)] {
        let asking = changed(same_as("a", key), |spec| spec.priority = priority);
        bench.accept(manifest(&format!("{key}.yaml"), vec![asking])).await.unwrap();
    }
    let lead_and_priority = async || {
        let spec = bench.task("b").await.spec;
        (spec.key, spec.priority)
    };
    bench.cancel("a").await;
    assert_eq!(lead_and_priority().await, ("b".to_owned(), 5));
    bench.cancel("c").await;
    assert_eq!(lead_and_priority().await, ("b".to_owned(), 1));
}

#[tokio::test]
async fn cancelling_one_job_leaves_the_task_to_the_others() {
    let bench = Bench::new();
    let with_callback = |key: &str| {
        let address = format!("https://example.com/{key}");
        changed(same_as("a", key), |spec| spec.callback_url = Some(address))
    };
    for key in ["a", "b"] {
        let path = format!("{key}.yaml");
        bench.accept(manifest(&path, vec![with_callback(key)])).await.unwrap();
    }
    assert!(bench.task("b").await.spec.callback_url.unwrap().ends_with("/a"));
    bench.cancel("a").await;
    let task = bench.task("b").await;
    assert_eq!((task.state, task.spec.key.as_str()), (State::Queued, "b"));
    assert!(task.spec.callback_url.unwrap().ends_with("/b"));
    assert_eq!(bench.state("a").await, State::Cancelled);
    bench.cancel("b").await;
    assert_eq!(bench.value::<String>("SELECT state FROM task"), "cancelled");
    assert_eq!(bench.store.queued(9).await.unwrap(), []);
}

#[tokio::test]
async fn edit_of_the_lead_leaves_the_task_to_the_others() {
    let bench = two_jobs().await;
    bench.accept(manifest("a.yaml", vec![louder("a/1")])).await.unwrap();
    let (old, new) = (bench.task("b/1").await, bench.task("a/1").await);
    assert_eq!((old.spec.key.as_str(), new.spec.key.as_str()), ("b/1", "a/1"));
    assert_ne!(old.id, new.id);
    assert_eq!((old.state, new.state), (State::Queued, State::Queued));
}

#[tokio::test]
async fn failure_of_a_shared_task_fails_all_its_jobs() {
    let bench = two_jobs().await;
    bench.drive("a/1", vec![Outcome::Refused(permanent_error("no face"))]).await;
    for key in ["a/1", "b/1"] {
        let error: String =
            bench.value(&format!("SELECT state || error FROM job_overview WHERE key = '{key}'"));
        assert_eq!(error, "failedno face", "{key}");
    }
    let grouped: i64 = bench.value("SELECT jobs FROM failure_overview");
    assert_eq!(grouped, 2);
}

/// Nobody asked for it any more, or it failed before Kling accepted it: a new job asks for the same take again.
#[tokio::test]
async fn new_job_revives_a_task_that_was_not_accepted() {
    for cancelled in [true, false] {
        let bench = Bench::new();
        bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
        let task = bench.task("a").await;
        match cancelled {
            true => drop(bench.cancel("a").await),
            false => {
                drop(bench.drive("a", vec![Outcome::Refused(permanent_error("no face"))]).await)
            }
        }
        bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
        let again = bench.task("b").await;
        assert_eq!((again.id, again.state, again.spec.key.as_str()), (task.id, State::Queued, "b"));
        assert_eq!(bench.tasks(), 1);
        let of_the_other = if cancelled { State::Cancelled } else { State::Queued };
        assert_eq!(bench.state("a").await, of_the_other);
    }
}

#[tokio::test]
async fn newest_link_of_a_shared_request_is_sent() {
    let bench = Bench::new();
    let signed = |id: &str, signature: &str| {
        let link = format!(
            "https://b.example.com/a.mp3?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=c&X-Amz-Date=d\
             &X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
        );
        changed(same_as("a", id), |spec| spec.audio = Source::Url(link))
    };
    bench.accept(manifest("a.yaml", vec![signed("a", "1")])).await.unwrap();
    let task = bench.task("a").await;
    bench.accept(manifest("b.yaml", vec![signed("b", "2")])).await.unwrap();
    let sent = |task: &Task| task.spec.audio.as_written().ends_with("=2");
    let joined = bench.task("b").await;
    assert_eq!((joined.id, joined.spec.key.as_str(), sent(&joined)), (task.id, "a", true));
    // An edit of a job that does not lead counts, too.
    bench.accept(manifest("b.yaml", vec![signed("b", "3")])).await.unwrap();
    assert!(bench.task("a").await.spec.audio.as_written().ends_with("=3"));
    assert_eq!(bench.tasks(), 1);
}

#[tokio::test]
async fn retry_of_the_last_take_is_refused() {
    let bench = Bench::new();
    let last = changed(wanted("a"), |spec| spec.take = Some(crate::job::TAKE_MAX));
    bench.accept(manifest("a.yaml", vec![last])).await.unwrap();
    bench.succeed("a").await;
    let refused = bench.command("a", Command::Retry).await;
    assert!(refused.unwrap_err().contains("99 takes"));
    assert_eq!((bench.state("a").await, bench.tasks()), (State::Succeeded, 1));
}
