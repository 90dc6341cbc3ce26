//! While the result is fetched and put on disk.

use std::{fs, os::unix::fs::symlink};

use lipsyncd::sim::{Fault, FaultRule};
use serde_json::json;

use super::*;
use crate::support::{many, patch, refusal};

/// A job whose download fails for now.
async fn downloading() -> Scenario {
    let env = TestEnv::new(quick()).await;
    env.fault(FaultRule::always(Endpoint::Download, Fault::Status { status: 404 }));
    let scenario = Scenario::start_with(env, vec![wanted("x")]).await;
    scenario.says("x", "the download from 127.0.0.1 was answered with HTTP 404").await;
    scenario
}

#[tokio::test]
async fn more_results_than_downloads_at_once() {
    let mut env = TestEnv::new(quick()).await;
    env.settings.downloads = 1;
    env.fault(FaultRule::always(Endpoint::Download, Fault::Hang { ms: 3_000 }));
    let scenario = Scenario::start_with(env, many("m", 3)).await;
    let words = "its download is in progress or next (at most 1 at once, download.concurrency)";
    scenario
        .env
        .until("results to wait", async || {
            let waits = |key| scenario.env.waits_for(key).is_some_and(|reason| reason == words);
            ["m/000", "m/001", "m/002"].into_iter().any(waits)
        })
        .await;
    scenario.env.clear_faults();
    scenario.succeeds(3).await;
}

#[tokio::test]
async fn query_of_the_result_that_shows_another_task() {
    let scenario = downloading().await;
    let other = json!({"data": {"task_id": "1"}});
    scenario.env.fault(FaultRule::always(Endpoint::Query, patch(other)));
    scenario.says("x", "failed: Kling's answer is about another task; next try at ").await;
    scenario.env.clear_faults();
    scenario.succeeds(1).await;
}

#[tokio::test]
async fn finished_task_that_kling_no_longer_shows() {
    let scenario = downloading().await;
    let task_id = scenario.env.ledger().tasks[0].task_id.clone();
    scenario.env.fault(FaultRule::always(Endpoint::Query, refusal(1203)));
    scenario.says("x", &format!("failed: Kling no longer shows task {task_id}: ")).await;
    scenario.env.clear_faults();
    scenario.succeeds(1).await;
}

#[tokio::test]
async fn result_larger_than_the_configured_limit() {
    let mut env = TestEnv::new(quick()).await;
    env.settings.download_bytes_max = 100;
    let Scenario { mut env, running } = Scenario::start_with(env, vec![wanted("x")]).await;
    let words = " would be larger than download.max_bytes (100 bytes)";
    says(&env, "x", words).await;
    assert!(!env.output("x.mp4").exists());
    drop(running);
    env.settings.download_bytes_max = 1 << 20;
    let running = env.start().await;
    Scenario { env, running }.succeeds(1).await;
}

#[tokio::test]
async fn result_that_is_no_complete_video_yet() {
    let mut env = TestEnv::new(quick()).await;
    (env.settings.policy.retry_initial_ms, env.settings.policy.retry_max_ms) = (60_000, 60_000);
    env.fault(FaultRule::once(Endpoint::Download, Fault::WrongLength { bytes: Some(400) }));
    let scenario = Scenario::start_with(env, vec![wanted("x")]).await;
    scenario.says("x", " is not a complete video: the video is incomplete (400 of ").await;
    assert!(!scenario.env.output("x.mp4").exists());
    scenario.env.set_ahead(120_000);
    scenario.succeeds(1).await;
}

#[tokio::test]
async fn folder_that_leads_out_of_the_output_folder() {
    let scenario = Scenario::start(slow(), vec![wanted("m/a")]).await;
    scenario.env.until_state("m/a", State::Processing).await;
    let Scenario { env, running } = scenario;
    drop(running);
    let (folder, aside) = (env.output("m"), env.dir.path().join("aside"));
    fs::rename(&folder, &aside).unwrap();
    symlink(&aside, &folder).unwrap();
    env.sim.advance(Duration::from_secs(601));
    let scenario = Scenario { running: env.start().await, env };
    scenario.says("m/a", " leads out of the output folder").await;
    assert_eq!(fs::read_dir(&aside).unwrap().count(), 0);
    fs::remove_file(&folder).unwrap();
    scenario.succeeds(1).await;
}
