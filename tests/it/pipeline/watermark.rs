//! The watermarked copy: a job with its result does not wait for it, and only the copy is fetched again.

use std::fs;

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule},
    store::{Command, PauseKind, WantedJob, open_reader},
};
use serde_json::Value;

use crate::support::{TestEnv, quick, refusal, sha256, with};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn marked(key: &str) -> WantedJob {
    with(key, |spec| spec.watermark = true)
}

/// Every request for the watermarked copy fails.
fn copy_fails(fault: Fault) -> FaultRule {
    let matching = Some(".watermark".to_owned());
    FaultRule { matching, ..FaultRule::always(Endpoint::Download, fault) }
}

/// Why the copy is missing, as `show` and `list` print it.
fn missing(test_env: &TestEnv, key: &str) -> Option<String> {
    let reader = open_reader(test_env.store.path()).unwrap();
    let sql = "SELECT watermark_missing FROM job_overview WHERE key = ?1";
    reader.query_row(sql, [key], |row| row.get(0)).unwrap()
}

fn assert_copy_is_published(test_env: &TestEnv, key: &str) {
    let copy = fs::read(test_env.output(&format!("{key}.watermark.mp4"))).unwrap();
    let metadata = fs::read(test_env.output(&format!("{key}.json"))).unwrap();
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    assert_eq!(metadata["watermark"]["sha256"], sha256(&copy), "{metadata}");
    assert_eq!(missing(test_env, key), None);
}

#[tokio::test]
async fn result_is_published_without_waiting_for_the_copy() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(copy_fails(Fault::Status { status: 404 }));
    test_env.put("m.yaml", vec![marked("m/a")]).await;
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Succeeded).await;
    test_env
        .until("three tries", async || {
            test_env.ledger().faults.get("status").is_some_and(|count| *count >= 4)
        })
        .await;
    let why = missing(&test_env, "m/a").unwrap();
    assert!(why.starts_with("watermarked copy missing: ") && why.contains("HTTP 404"), "{why}");
    assert_eq!(test_env.waits_for("m/a"), None);
    let status = test_env.store.queue_status(test_env.now_ms()).await.unwrap();
    assert_eq!(status.missing_watermarks.first_job.as_deref(), Some("m/a"));
    test_env.assert_delivered(&test_env.task("m/a").await);
    assert_eq!(test_env.ledger().accepted(Endpoint::Download), 1, "the result is fetched once");
    // After a restart, only the copy is fetched.
    running.stop().await;
    test_env.clear_faults();
    assert_eq!(test_env.run().await, End::Idle);
    assert_copy_is_published(&test_env, "m/a");
    assert_eq!(test_env.ledger().accepted(Endpoint::Download), 2);
    assert_eq!(test_env.count_history("m/a", "watermarked copy delivered"), 1);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn referer_is_tried_once() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(copy_fails(Fault::WantsReferer));
    test_env.put("m.yaml", vec![marked("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_copy_is_published(&test_env, "m/a");
    assert_eq!(test_env.ledger().faults["wants_referer"], 2);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn refused_copy_is_asked_for_with_a_referer_once() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(copy_fails(Fault::Status { status: 403 }));
    test_env.put("m.yaml", vec![marked("m/a")]).await;
    let running = test_env.start().await;
    let tries = || {
        let reader = open_reader(test_env.store.path()).unwrap();
        let sql = "SELECT max(tries) FROM missing_watermark";
        reader.query_row(sql, [], |row| row.get::<_, Option<u64>>(0)).unwrap().unwrap_or(0)
    };
    test_env.until("three tries", async || tries() >= 3).await;
    running.stop().await;
    // One more request than tries.
    let requests = test_env.ledger().faults["status"];
    assert!([tries() + 1, tries() + 2].contains(&requests), "{requests} requests");
}

/// A paid call as a probe would pay for another task while the account may not even query.
#[tokio::test]
async fn refused_query_for_the_copy_is_probed_by_a_query() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(copy_fails(Fault::Status { status: 404 }));
    test_env.put("m.yaml", vec![marked("m/a")]).await;
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Succeeded).await;
    test_env.fault(FaultRule::always(Endpoint::Query, refusal(1103)));
    let pause = async || test_env.store.pause().await.unwrap();
    test_env.until("the pause", async || pause().await.is_some()).await;
    assert_eq!(pause().await.unwrap().kind, PauseKind::Credentials);
    running.stop().await;
}

#[tokio::test]
async fn copy_that_never_came_is_gone_after_30_days() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(copy_fails(Fault::Status { status: 404 }));
    test_env.put("m.yaml", vec![marked("m/a")]).await;
    let running = test_env.start().await;
    test_env
        .until("a try", async || missing(&test_env, "m/a").is_some_and(|it| it.contains("404")))
        .await;
    running.stop().await;
    test_env.sim.advance(std::time::Duration::from_millis(31 * DAY_MS.unsigned_abs()));
    test_env.set_ahead(31 * DAY_MS);
    assert_eq!(test_env.run().await, End::Idle);
    let note = missing(&test_env, "m/a").unwrap();
    assert!(note.starts_with("the watermarked copy is gone"), "{note}");
    assert_eq!(test_env.state("m/a").await, State::Succeeded);
    let status = test_env.store.queue_status(test_env.now_ms()).await.unwrap();
    assert_eq!(status.missing_watermarks.jobs, 0, "nothing is fetched any more");
}

#[tokio::test]
async fn jobs_of_one_task_get_one_download_of_each_video() {
    let test_env = TestEnv::new(quick()).await;
    let copy = lipsyncd::job::JobSpec { output: "m/b.mp4".to_owned(), ..marked("m/a").spec };
    let copy = with("m/b", |spec| {
        let (key, id) = (spec.key.clone(), spec.id.clone());
        *spec = lipsyncd::job::JobSpec { key, id, ..copy };
    });
    test_env.fault(FaultRule { times: Some(3), ..copy_fails(Fault::Status { status: 503 }) });
    test_env.put("m.yaml", vec![marked("m/a"), copy]).await;
    assert_eq!(test_env.run().await, End::Idle);
    for key in ["m/a", "m/b"] {
        assert_copy_is_published(&test_env, key);
    }
    test_env.assert_all_shared(2, 1).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Download), 2);
}

#[tokio::test]
async fn fetch_brings_a_lost_copy_again_and_leaves_the_result() {
    let test_env = TestEnv::new(quick()).await;
    test_env.put("m.yaml", vec![marked("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    fs::remove_file(test_env.output("m/a.watermark.mp4")).unwrap();
    test_env.command("m/a", Command::Fetch).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_copy_is_published(&test_env, "m/a");
    assert_eq!(test_env.ledger().accepted(Endpoint::Download), 3);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn copy_comes_after_a_person_moved_the_result_away() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(copy_fails(Fault::Status { status: 404 }));
    test_env.put("m.yaml", vec![marked("m/a")]).await;
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    fs::remove_file(test_env.output("m/a.mp4")).unwrap();
    fs::remove_file(test_env.output("m/a.json")).unwrap();
    test_env.clear_faults();
    assert_eq!(test_env.run().await, End::Idle);
    assert_copy_is_published(&test_env, "m/a");
    assert!(!test_env.output("m/a.mp4").exists(), "the result stays where the person put it");
}

#[tokio::test]
async fn foreign_file_at_the_place_of_the_copy_is_waited_for() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(copy_fails(Fault::Status { status: 404 }));
    test_env.put("m.yaml", vec![marked("m/a")]).await;
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Succeeded).await;
    fs::write(test_env.output("m/a.watermark.mp4"), "somebody's own").unwrap();
    test_env.clear_faults();
    let says = |what: &str| missing(&test_env, "m/a").is_some_and(|why| why.contains(what));
    test_env.until("the reason", async || says("move it away")).await;
    assert_eq!(fs::read(test_env.output("m/a.watermark.mp4")).unwrap(), b"somebody's own");
    fs::remove_file(test_env.output("m/a.watermark.mp4")).unwrap();
    test_env.until("the copy", async || missing(&test_env, "m/a").is_none()).await;
    running.stop().await;
    assert_copy_is_published(&test_env, "m/a");
}
