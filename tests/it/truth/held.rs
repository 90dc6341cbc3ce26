//! What holds all jobs: refusals of the account, the budget, an API that does not answer.

use std::cell::Cell;

use lipsyncd::{
    job::AssumedPrices,
    sim::{Fault, FaultRule},
};

use super::*;
use crate::support::{many, refusal};

#[tokio::test]
async fn refused_credentials() {
    let scenario = Scenario::start(slow(), vec![wanted("sent")]).await;
    scenario.env.until_state("sent", State::Processing).await;
    scenario.env.fault(FaultRule::always(Endpoint::Any, refusal(1002)));
    scenario.add("new").await;
    for key in ["sent", "new"] {
        let reason = scenario.says(key, "the queue is paused: the API refused the cred").await;
        assert!(
            reason.contains("(code 1002); the keys may belong to the host of another region: check kling.base_url"),
            "{reason}"
        );
    }
    assert_eq!(scenario.accepted(Endpoint::Identify), 1);
    scenario.env.clear_faults();
    scenario.succeeds(2).await;
}

#[tokio::test]
async fn account_that_cannot_pay() {
    let scenario = Scenario::start(slow(), vec![wanted("sent")]).await;
    scenario.env.until_state("sent", State::Processing).await;
    scenario.env.fault(FaultRule::always(Endpoint::Identify, refusal(1102)));
    scenario.add("new").await;
    scenario.says("new", "the queue is paused: the account is in arrears or its resource").await;
    // A task that is paid for is followed.
    scenario.says("sent", "Kling is processing task ").await;
    assert_eq!(scenario.accepted(Endpoint::Identify), 1);
    scenario.env.clear_faults();
    scenario.succeeds(2).await;
}

#[tokio::test]
async fn daily_budget() {
    let mut env = TestEnv::new(quick()).await;
    env.settings.caps.units_micro = Some(10_000);
    env.settings.slots = 1;
    let scenario = Scenario::start_with(env, many("m", 12)).await;
    let held = async || {
        (0..12).find(|n| {
            let reason = scenario.env.waits_for(&format!("m/{n:03}")).unwrap_or_default();
            reason.starts_with("daily budget reached (")
                && reason.contains(" of 0.01 units); resumes ")
                && reason.ends_with(":00 UTC, or raise limits.units_per_day")
        })
    };
    scenario.env.until("the budget to hold a job", async || held().await.is_some()).await;
    let spent =
        scenario.env.store.budget_numbers(scenario.env.now_ms()).await.unwrap().spent.units_micro;
    assert!(spent >= 10_000, "{spent}");
    // The next day has a budget of its own. A call in flight may use it up: then the day after has one.
    let key = format!("m/{:03}", held().await.unwrap());
    let paid = || scenario.accepted(Endpoint::Identify) + scenario.accepted(Endpoint::Create);
    let (paid_before, days) = (paid(), Cell::new(0));
    let continues = async || {
        days.set(days.get() + 1);
        scenario.env.set_ahead(days.get() * 86_400_000);
        scenario.running.nudge();
        paid() > paid_before
    };
    scenario.env.until(&format!("the queue to continue after {key}"), continues).await;
}

/// A pipeline whose tasks run until they are ended, with this cap and these assumed prices, in millionths.
async fn capped(cap: i64, per_step: Option<i64>) -> Scenario {
    let mut env = TestEnv::new(slow()).await;
    env.settings.caps.units_micro = Some(cap);
    env.settings.assumed_prices =
        AssumedPrices { identify_micro: Some(50_000), per_step_micro: per_step };
    Scenario::start_with(env, many("m", 3)).await
}

/// Waits until a job that was not sent has a reason with these words.
async fn held_because(scenario: &Scenario, words: &str) {
    let is_held = async || {
        let tasks = scenario.env.tasks().await;
        tasks.iter().filter(|task| task.state.is_unsent()).any(|task| {
            scenario.env.waits_for(&task.spec.key).is_some_and(|reason| reason.contains(words))
        })
    };
    scenario.env.until(&format!("a job to be held: {words}"), is_held).await;
}

#[tokio::test]
async fn price_of_the_next_task_is_unknown() {
    let scenario = capped(90_000_000, None).await;
    held_because(
        &scenario,
        "the price of the next task is unknown, so that one such task runs at a time (",
    )
    .await;
    held_because(
        &scenario,
        " today, limits.units_per_day); it starts after the task that is in progress or unresolved",
    )
    .await;
    held_because(&scenario, ", or set `prices` in the configuration").await;
    assert_eq!(scenario.accepted(Endpoint::Create), 1);
    scenario.succeeds(3).await;
}

#[tokio::test]
async fn tasks_in_progress_count_against_the_daily_budget() {
    for (cap, tasks, words) in [
        (
            1_500_000,
            1,
            "; tasks in progress are expected to cost 1; the next task is expected to cost 1.05); resumes ",
        ),
        (
            2_500_000,
            2,
            "; tasks in progress are expected to cost 2; the next task is expected to cost 1.05); resumes ",
        ),
    ] {
        let scenario = capped(cap, Some(1_000_000)).await;
        held_because(&scenario, "daily budget reached (").await;
        held_because(&scenario, words).await;
        assert_eq!(scenario.accepted(Endpoint::Create), tasks);
    }
}

#[tokio::test]
async fn video_of_unknown_length_that_may_cost_more() {
    let mut env = TestEnv::new(quick()).await;
    env.settings.caps.units_micro = Some(20_000_000);
    let scenario = Scenario::start_with(env, vec![wanted("known")]).await;
    scenario.env.until_state("known", State::Succeeded).await;
    scenario.env.sim.control(|sim| sim.config_mut().task_ms = (600_000, 600_000));
    for key in ["a", "b"] {
        scenario.add(key).await;
    }
    held_because(&scenario, "the day could end above its budget (").await;
    held_because(&scenario, " of 20 units spent today; the next task and ").await;
    held_because(&scenario, " in progress may cost up to 24.05").await;
    held_because(
        &scenario,
        ", because the length of a video, or a price, is unknown); it starts after a task that is in progress or unresolved, or raise",
    )
    .await;
    assert_eq!(scenario.accepted(Endpoint::Create), 2);
}

#[tokio::test]
async fn task_that_costs_more_than_a_day_allows() {
    let scenario = capped(1_000_000, Some(2_000_000)).await;
    held_because(
        &scenario,
        " units, more than limits.units_per_day (1); raise limits.units_per_day, or cancel the job",
    )
    .await;
    assert_eq!(scenario.accepted(Endpoint::Create), 0);
}

#[tokio::test]
async fn api_that_does_not_answer() {
    let scenario = Scenario::start(slow(), vec![wanted("sent")]).await;
    scenario.env.until_state("sent", State::Processing).await;
    scenario.env.fault(FaultRule::always(Endpoint::Any, Fault::DropRequest));
    let problem = "; the API gives no usable answer: ";
    let reason = scenario.says("sent", problem).await;
    assert!(reason.starts_with("Kling is processing task "), "{reason}");
    // Most of the time a new job waits for its own next try.
    scenario.add("new").await;
    scenario.says("new", "the API gives no usable answer: ").await;
    assert_eq!(scenario.accepted(Endpoint::Identify), 1);
    scenario.env.clear_faults();
    no_longer_says(&scenario.env, "sent", problem).await;
    scenario.succeeds(2).await;
}

#[tokio::test]
async fn account_without_a_free_slot() {
    let scenario = Scenario::start(SimConfig { concurrency: 0, ..quick() }, many("m", 2)).await;
    let words = "the API deferred the call: the account runs as many tasks as its resource pack";
    let keys = ["m/000", "m/001"];
    let refused = async || {
        keys.iter().find(|key| scenario.env.waits_for(key).is_some_and(|it| it.contains(words)))
    };
    scenario.env.until("a refusal", async || refused().await.is_some()).await;
    assert!(scenario.env.ledger().refused(Endpoint::Create, 1303) > 0);
    assert_eq!(scenario.tasks_at_kling(), 0);
    scenario.env.sim.control(|sim| sim.config_mut().concurrency = 5);
    scenario.succeeds(2).await;
}
