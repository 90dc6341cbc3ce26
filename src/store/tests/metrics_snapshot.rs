//! For how long the oldest jobs of each state have been waiting, as the metrics tell it.

use super::*;
use crate::job::State;

/// Since when the oldest job of `state` has been waiting, in ms before now.
async fn age_ms(bench: &Bench, state: State) -> Option<i64> {
    let measured = bench.store.metrics_snapshot(NOW_MS).await.unwrap();
    measured.oldest_since_ms[&state].map(|since_ms| NOW_MS - since_ms)
}

fn change(bench: &Bench, key: &str, what: &str) {
    let of_job = format!("WHERE id = (SELECT task_row FROM job WHERE key = '{key}')");
    let changed = bench.sql().execute(&format!("UPDATE task SET {what} {of_job}"), []);
    assert_eq!(changed.unwrap(), 1, "{key}");
}

fn change_job(bench: &Bench, key: &str, what: &str) {
    let changed = bench.sql().execute(&format!("UPDATE job SET {what} WHERE key = '{key}'"), []);
    assert_eq!(changed.unwrap(), 1, "{key}");
}

#[tokio::test]
async fn each_state_that_is_not_final_is_told_and_nothing_else() {
    let bench = Bench::new();
    let measured = bench.store.metrics_snapshot(NOW_MS).await.unwrap();
    for state in State::ALL {
        assert_eq!(measured.oldest_since_ms.contains_key(&state), !state.is_finished(), "{state}");
    }
    assert!(measured.oldest_since_ms.values().all(Option::is_none));
    let queue_status =
        crate::store::Reader::open(&bench.path).unwrap().queue_status(NOW_MS).unwrap();
    assert_eq!(measured.queue_status, queue_status);
}

#[tokio::test]
async fn a_job_in_line_waits_since_it_came_to_it_and_one_that_fails_since_it_does() {
    let bench = Bench::new();
    let jobs = ["a/retried", "a/queued", "a/failing", "a/blocked", "a/late"].map(wanted);
    bench.accept(manifest("a.yaml", jobs.into())).await.unwrap();
    let at = |ago_ms: i64| NOW_MS - ago_ms;
    for key in ["retried", "queued", "failing", "blocked", "late"] {
        change(&bench, &format!("a/{key}"), &format!("created_at_ms = {}", at(90_000)));
    }
    // It was made first, and came to the line again just now.
    change(&bench, "a/retried", &format!("updated_at_ms = {}", at(1_000)));
    change(&bench, "a/queued", &format!("updated_at_ms = {}", at(5_000)));
    change(&bench, "a/late", &format!("updated_at_ms = {}", at(2_000)));
    let now = format!("updated_at_ms = {NOW_MS}, due_at_ms = {}", NOW_MS + 1);
    change(&bench, "a/failing", &format!("{now}, failing_since_ms = {}", at(3_000)));
    change(&bench, "a/blocked", &format!("updated_at_ms = {}", at(500)));
    assert_eq!(age_ms(&bench, State::Queued).await, Some(5_000));
    change(&bench, "a/failing", &format!("failing_since_ms = {}", at(7_000)));
    assert_eq!(age_ms(&bench, State::Queued).await, Some(7_000));
    // Each try changes it: what it waits for is as old as it is.
    change(&bench, "a/blocked", &now);
    assert_eq!(age_ms(&bench, State::Queued).await, Some(90_000));
}

#[tokio::test]
async fn who_waits_for_media_is_told_and_who_waits_for_its_time_is_not() {
    let bench = Bench::new();
    let later = changed(wanted("a"), |spec| spec.not_before_at_ms = Some(NOW_MS + 10));
    bench.accept(manifest("a.yaml", vec![later])).await.unwrap();
    change(&bench, "a", "updated_at_ms = 1");
    assert_eq!(age_ms(&bench, State::Waiting).await, None);
    let mut without = wanted("b");
    without.media = Ok(Media { wait_reason: Some("b.mp3".to_owned()), ..Media::default() });
    bench.accept(manifest("b.yaml", vec![without])).await.unwrap();
    change_job(&bench, "b", &format!("state_since_ms = {}", NOW_MS - 40));
    assert_eq!(age_ms(&bench, State::Waiting).await, Some(40));
}

#[tokio::test]
async fn who_was_sent_waits_since_then() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a", until_submitted(&session, "task")).await;
    change(&bench, "a", &format!("sent_at_ms = {}, updated_at_ms = {NOW_MS}", NOW_MS - 70));
    assert_eq!(age_ms(&bench, State::Submitted).await, Some(70));
    bench.drive("a", vec![Outcome::Processing]).await;
    assert_eq!(age_ms(&bench, State::Processing).await, Some(70));
    bench.drive("a", vec![Outcome::TaskSucceeded { charge: None }]).await;
    assert_eq!(age_ms(&bench, State::Downloading).await, Some(0));
}

#[tokio::test]
async fn copy_waits_since_it_fails() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), same_as("a/1", "a/2")])).await.unwrap();
    bench.succeed("a/1").await;
    change_job(&bench, "a/2", &format!("state_since_ms = {}", NOW_MS - 30));
    assert_eq!(age_ms(&bench, State::Downloading).await, Some(30));
    change_job(&bench, "a/2", &format!("failing_since_ms = {}", NOW_MS - 20));
    assert_eq!(age_ms(&bench, State::Downloading).await, Some(20));
}
