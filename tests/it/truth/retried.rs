//! A step failed, and is tried again.

use std::fs;

use lipsyncd::sim::FaultRule;

use super::*;
use crate::support::refusal;

#[tokio::test]
async fn failed_try() {
    let mut env = TestEnv::new(quick()).await;
    env.settings.policy.retry_initial_ms = 60_000;
    env.settings.policy.retry_max_ms = 60_000;
    env.fault(FaultRule::once(Endpoint::Identify, refusal(5000)));
    let scenario = Scenario::start_with(env, vec![wanted("x")]).await;
    let reason = scenario.says("x", "try 1 failed: the API has an internal problem").await;
    assert!(reason.contains("; next try at "), "{reason}");
    assert_eq!(scenario.env.ledger().refused(Endpoint::Identify, 5000), 1);
    assert_eq!(scenario.env.task("x").await.tries, 1);
    scenario.env.set_ahead(120_000);
    scenario.succeeds(1).await;
}

#[tokio::test]
async fn output_folder_that_is_gone() {
    let env = TestEnv::new(quick()).await;
    fs::remove_dir(&env.settings.output_dir).unwrap();
    let scenario = Scenario::start_with(env, vec![wanted("x")]).await;
    let reason = scenario.says("x", "the output file cannot be written: the output folder ").await;
    assert!(reason.contains(" does not exist"), "{reason}");
    assert_eq!(scenario.tasks_at_kling(), 0);
    fs::write(&scenario.env.settings.output_dir, "a file").unwrap();
    scenario
        .says("x", &format!("{} is not a folder", scenario.env.settings.output_dir.display()))
        .await;
    fs::remove_file(&scenario.env.settings.output_dir).unwrap();
    fs::create_dir(&scenario.env.settings.output_dir).unwrap();
    scenario.succeeds(1).await;
}
