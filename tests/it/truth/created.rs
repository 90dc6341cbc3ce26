//! While Kling has the task, and while its result is fetched.

use lipsyncd::{
    job::Source,
    sim::{Fault, FaultRule, Lags},
};
use serde_json::json;

use super::*;
use crate::support::{patch, switches::Switches as _, with};

#[tokio::test]
async fn submitted_and_processing() {
    let scenario = Scenario::start(slow(), Vec::new()).await;
    let submitted = patch(json!({"data": {"task_status": "submitted"}}));
    scenario.env.fault(FaultRule::always(Endpoint::Query, submitted));
    scenario.add("x").await;
    scenario.says("x", "Kling has not started task ").await;
    let task_id = scenario.env.ledger().tasks[0].task_id.clone();
    assert!(scenario.env.waits_for("x").unwrap().ends_with(&task_id));
    scenario.env.clear_faults();
    let reason = scenario.says("x", "Kling is processing task ").await;
    assert_eq!(reason, format!("Kling is processing task {task_id}"));
    scenario.succeeds(1).await;
}

#[tokio::test]
async fn create_request_in_flight() {
    let config = SimConfig { create_latency_ms: 1_500, ..quick() };
    let scenario = Scenario::start(config, vec![wanted("x")]).await;
    scenario.says("x", "the create request is sent; no answer yet").await;
    scenario.env.until("the request", async || scenario.tasks_at_kling() == 1).await;
    scenario.succeeds(1).await;
    assert_eq!(scenario.accepted(Endpoint::Create), 1);
}

#[tokio::test]
async fn task_that_kling_does_not_show() {
    let scenario = Scenario::start(slow(), vec![wanted("x")]).await;
    scenario.env.until_state("x", State::Processing).await;
    let hidden = Some(600_000);
    scenario.env.sim.lag(Lags { by_id_ms: hidden, by_name_ms: hidden, list_ms: hidden });
    let reason = scenario.says("x", "Kling does not show task ").await;
    assert!(reason.contains(" (created with key at host)"), "{reason}");
    scenario.env.sim.lag(Lags::default());
    scenario.says("x", "Kling is processing task ").await;
    scenario.succeeds(1).await;
    assert_eq!(scenario.tasks_at_kling(), 1);
}

#[tokio::test]
async fn unclear_status() {
    let scenario = Scenario::start(slow(), vec![wanted("x")]).await;
    scenario.env.until_state("x", State::Processing).await;
    let other_task = scenario.env.ledger().tasks[0].task_id.clone() + "9";
    for (with, words) in [
        (
            json!({"task_status": "resting"}),
            " is unclear: Kling shows the unknown status “resting”",
        ),
        (json!({"task_status": ""}), " is unclear: Kling shows no status"),
        (json!({"task_id": other_task}), " is unclear: Kling's answer is about task "),
    ] {
        scenario.env.clear_faults();
        scenario.env.fault(FaultRule::always(Endpoint::Query, patch(json!({"data": with}))));
        let reason = scenario.says("x", words).await;
        assert!(reason.starts_with("the status of task "), "{reason}");
    }
    scenario.env.clear_faults();
    scenario.says("x", "Kling is processing task ").await;
    scenario.succeeds(1).await;
}

#[tokio::test]
async fn task_that_kling_shows_by_its_name_alone() {
    let scenario = Scenario::start(slow(), vec![wanted("x")]).await;
    scenario.env.until_state("x", State::Processing).await;
    let hidden = Some(600_000);
    scenario.env.sim.lag(Lags { by_id_ms: hidden, by_name_ms: Some(0), list_ms: hidden });
    let reason = scenario.says("x", "), but Kling shows the task by its name").await;
    assert!(reason.contains(" is unclear: a query by id failed ("), "{reason}");
    scenario.env.sim.lag(Lags::default());
    scenario.says("x", "Kling is processing task ").await;
    scenario.succeeds(1).await;
}

#[tokio::test]
async fn download_behind_another() {
    let mut env = TestEnv::new(quick()).await;
    env.settings.downloads = 1;
    env.fault(FaultRule::once(Endpoint::Download, Fault::Hang { ms: 1_500 }));
    let scenario = Scenario::start_with(env, vec![wanted("a"), wanted("b")]).await;
    scenario
        .env
        .until("a download to wait", async || {
            ["a", "b"].iter().all(|key| {
                scenario
                    .env
                    .waits_for(key)
                    .is_some_and(|reason| reason == "its download is in progress or next")
            })
        })
        .await;
    scenario.succeeds(2).await;
    assert_eq!(scenario.accepted(Endpoint::Download), 2);
}

#[tokio::test]
async fn shared_task() {
    let same = |key| {
        with(key, |spec| {
            spec.video = Source::Url("https://cdn.example/1.mp4?duration_ms=10000&faces=1".into());
            spec.audio = Source::Url("https://cdn.example/1.mp3?duration_ms=8000".into());
        })
    };
    let scenario = Scenario::start(slow(), vec![same("first"), same("twin")]).await;
    scenario.env.until_state("first", State::Processing).await;
    assert_eq!(scenario.says("twin", "shares the task of ").await, "shares the task of first");
    assert_eq!(scenario.tasks_at_kling(), 1);
    scenario.succeeds(2).await;
    assert_eq!(scenario.tasks_at_kling(), 1);
}
