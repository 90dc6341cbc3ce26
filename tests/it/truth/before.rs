//! Before the create request.

use std::fs;

use lipsyncd::{
    pipeline::RateSettings,
    sim::{Fault, FaultRule},
    store::{Pause, PauseKind},
};

use super::*;
use crate::support::{
    daemon::{self, job_of},
    many, with,
};

#[tokio::test]
async fn not_before() {
    let env = TestEnv::new(quick()).await;
    let due_at_ms = env.now_ms() + 3_600_000;
    let job = with("later", |spec| spec.not_before_at_ms = Some(due_at_ms));
    let scenario = Scenario::start_with(env, vec![job, wanted("now")]).await;
    let reason = scenario.says("later", "not_before is ").await;
    let at = jiff::Timestamp::from_millisecond(due_at_ms).unwrap().strftime("%Y-%m-%dT%H:%M:%S");
    assert!(reason.starts_with(&format!("not_before is {at}.")), "{reason}");
    scenario.env.until_state("now", State::Succeeded).await;
    assert_eq!(scenario.tasks_at_kling(), 1);
    scenario.env.set_ahead(3_600_001);
    scenario.succeeds(2).await;
}

#[tokio::test]
async fn not_before_has_come() {
    let env = TestEnv::new(quick()).await;
    let due_at_ms = env.now_ms() + 300;
    env.put("m.yaml", vec![with("later", |spec| spec.not_before_at_ms = Some(due_at_ms))]).await;
    says(&env, "later", "its not_before has come; it is queued next").await;
    assert!(env.now_ms() >= due_at_ms);
    let running = env.start().await;
    Scenario { env, running }.succeeds(1).await;
}

#[tokio::test]
async fn queued_and_no_free_slot() {
    let mut env = TestEnv::new(slow()).await;
    env.settings.slots = 1;
    // More jobs than are identified ahead.
    let scenario = Scenario::start_with(env, many("m", 20)).await;
    scenario
        .says("m/019", "queued: no slot is free (1 of 1 slots in use, limits.concurrency)")
        .await;
    scenario.env.until("all slots to be used", async || scenario.tasks_at_kling() == 1).await;
    let identified = async |key: &str| scenario.env.state(key).await == State::Identified;
    scenario
        .env
        .until("a job to wait for a slot", async || {
            for n in 0..20 {
                let key = format!("m/{n:03}");
                if identified(&key).await {
                    return scenario.env.waits_for(&key).is_some_and(|reason| {
                        reason == "no slot is free (1 of 1 slots in use, limits.concurrency)"
                    });
                }
            }
            false
        })
        .await;
    assert_eq!(scenario.accepted(Endpoint::Create), 1);
    scenario.succeeds(20).await;
}

#[tokio::test]
async fn configured_rate_of_create() {
    let words = "rate limit of create (0.001 per second, limits.create_per_second)";
    waits_for_rate(|rate| rate.create_per_second = 0.001, words).await;
}

/// With a slow rate, a job waits for these words.
async fn waits_for_rate(slow_down: fn(&mut RateSettings), words: &str) {
    let mut env = TestEnv::new(slow()).await;
    let fast = env.settings.rate;
    slow_down(&mut env.settings.rate);
    let scenario = Scenario::start_with(env, many("m", 2)).await;
    scenario
        .env
        .until(&format!("a job to wait for {words}"), async || {
            let waits = |key| scenario.env.waits_for(key).is_some_and(|reason| reason == words);
            waits("m/000") || waits("m/001")
        })
        .await;
    // Another rate, after a restart.
    let Scenario { mut env, running } = scenario;
    drop(running);
    env.settings.rate = fast;
    let running = env.start().await;
    Scenario { env, running }.succeeds(2).await;
}

#[tokio::test]
async fn configured_rate_of_identify() {
    let words = "queued: rate limit of identify (0.001 per second, limits.identify_per_second)";
    waits_for_rate(|rate| rate.identify_per_second = 0.001, words).await;
}

#[tokio::test]
async fn configured_rate_of_queries() {
    let words = "rate limit of queries (0.001 per second, limits.query_per_second)";
    waits_for_rate(|rate| rate.query_per_second = 0.001, words).await;
}

#[tokio::test]
async fn fewer_slots_than_configured() {
    let mut env = TestEnv::new(SimConfig { concurrency: 1, ..slow() }).await;
    env.settings.slots = 2;
    let scenario = Scenario::start_with(env, many("m", 3)).await;
    let words = "no slot is free (1 of 1 slots in use, as many as the account allows)";
    scenario
        .env
        .until("a job to wait for a slot", async || {
            let waits = |key| scenario.env.waits_for(key).is_some_and(|reason| reason == words);
            ["m/000", "m/001", "m/002"].into_iter().any(waits)
        })
        .await;
    assert_eq!(scenario.tasks_at_kling(), 1);
    scenario.succeeds(3).await;
}

#[tokio::test]
async fn account_that_refuses_another_task_for_some_time() {
    let limit = Fault::Code { code: 1303, status: None, retry_after_s: Some(600), message: None };
    let mut env = TestEnv::new(slow()).await;
    env.settings.slots = 1;
    env.fault(FaultRule::once(Endpoint::Create, limit));
    let scenario = Scenario::start_with(env, many("m", 2)).await;
    let words =
        "the account refused another task at once (code 1303); the next create request is sent at ";
    scenario
        .env
        .until("a job to wait", async || {
            let waits =
                |key| scenario.env.waits_for(key).is_some_and(|reason| reason.starts_with(words));
            waits("m/000") || waits("m/001")
        })
        .await;
    assert_eq!(scenario.accepted(Endpoint::Create), 0);
}

#[tokio::test]
async fn first_scan() {
    let env = TestEnv::new(quick()).await;
    env.settings.is_scanned.store(false, Ordering::Release);
    let scenario = Scenario::start_with(env, vec![wanted("x")]).await;
    let reason = scenario.says("x", "the first complete scan of jobs_dir is not done").await;
    assert_eq!(reason, "the first complete scan of jobs_dir is not done");
    scenario.env.store.set_folder_problem(Some("it is gone".to_owned())).await.unwrap();
    scenario.says("x", "the first complete scan of jobs_dir is not done: it is gone").await;
    assert_eq!(scenario.accepted(Endpoint::Identify), 0);
    scenario.env.store.set_scanned().await.unwrap();
    scenario.env.settings.is_scanned.store(true, Ordering::Release);
    scenario.succeeds(1).await;
}

#[test]
fn missing_media_and_a_missing_manifest() {
    let mut env = daemon::TestEnv::new(quick());
    let job = job_of("x")
        .replace("https://cdn.example.com/a.mp3?duration_ms=5000", "speech.mp3")
        .replace("sound_end_time: 4s\n", "");
    env.drop_in_old("x.yaml", job);
    env.start();
    let says = |env: &daemon::TestEnv, words: &str| {
        env.until(&format!("x to wait for {words:?}"), |env| {
            env.job("x").is_some_and(|job| job.waiting_for.contains(words))
        });
    };
    says(&env, "speech.mp3");
    assert!(!env.path("jobs/speech.mp3").exists() && !env.path("media/speech.mp3").exists());
    // With the audio, nothing but a pause keeps the job.
    assert_eq!(env.run(&["pause"]).code, Some(0));
    fs::copy(crate::testing::media::clip_path("welcome-en.mp3"), env.path("media/speech.mp3"))
        .unwrap();
    env.configure(5, "media: { dirs: [media] }\n");
    env.signal("HUP");
    says(&env, "the queue is paused: paused by `lipsyncd pause`");
    fs::rename(env.path("jobs/x.yaml"), env.path("x.yaml")).unwrap();
    says(&env, "missing from the folder");
    assert_eq!(env.ledger().accepted(Endpoint::Identify), 0);
    fs::rename(env.path("x.yaml"), env.path("jobs/x.yaml")).unwrap();
    env.until("x to be found again", |env| {
        env.job("x").is_some_and(|job| !job.waiting_for.contains("missing from the folder"))
    });
    assert_eq!(env.run(&["resume"]).code, Some(0));
    env.until_state("x", "succeeded");
    assert_eq!(env.job("x").unwrap().waiting_for, "");
}

#[tokio::test]
async fn paused_by_a_person() {
    let env = TestEnv::new(quick()).await;
    let pause = Pause {
        kind: PauseKind::Person,
        reason: "paused by `lipsyncd pause`".to_owned(),
        code: None,
        since_ms: env.now_ms(),
        next_probe_at_ms: None,
    };
    env.store.set_pause(Some(pause)).await.unwrap();
    let scenario = Scenario::start_with(env, vec![wanted("x")]).await;
    scenario.says("x", "the queue is paused: paused by `lipsyncd pause`").await;
    assert_eq!(scenario.accepted(Endpoint::Identify), 0);
    scenario.env.store.set_pause(None).await.unwrap();
    scenario.succeeds(1).await;
}
