//! While it is unknown whether Kling accepted the create request.

use std::time::Duration;

use lipsyncd::{
    job::Outcome,
    sim::{Fault, FaultRule, Lags},
    store::{Pause, PauseKind},
};

use super::*;
use crate::support::switches::Switches as _;

/// For how long a new task is hidden.
const LAG: Duration = Duration::from_secs(600);
pub(super) const CHECKING: &str =
    "checking whether Kling accepted the create request (sent once, at ";

/// An account that accepts a second task of a known name, and is known to answer lookups by name.
pub(super) async fn lenient(create_settle_ms: i64) -> Scenario {
    let mut env = TestEnv::new(SimConfig { unique_external_ids: false, ..quick() }).await;
    env.settings.policy.create_settle_ms = create_settle_ms;
    let scenario = Scenario::start_with(env, vec![wanted("learned")]).await;
    scenario.env.until_state("learned", State::Succeeded).await;
    let account = crate::support::account();
    let lookups = async || scenario.env.store.lookups(&account).await.unwrap();
    let is_learned = async || lookups().await == lipsyncd::store::Lookups::Path;
    scenario.env.until("lookups to be learned", is_learned).await;
    // Kling shows this task in spite of each lag.
    scenario.env.sim.advance(LAG * 2);
    scenario
}

/// Kling shows no new task by its name or in the list.
pub(super) fn hide_new_tasks(scenario: &Scenario) {
    let hidden = i64::try_from(LAG.as_millis()).ok();
    scenario.env.sim.lag(Lags { by_id_ms: None, by_name_ms: hidden, list_ms: hidden });
}

pub(super) fn lose(scenario: &Scenario, fault: Fault) {
    scenario.env.fault(FaultRule::once(Endpoint::Create, fault));
}

#[tokio::test]
async fn accepted_task_that_is_not_shown_yet() {
    let scenario = lenient(60_000).await;
    hide_new_tasks(&scenario);
    lose(&scenario, Fault::LoseAnswer);
    scenario.add("x").await;
    let reason = scenario.says("x", "; Kling shows no task of this name so far").await;
    assert!(reason.starts_with(CHECKING), "{reason}");
    // Kling has the task: no reason may say that the request was not sent, or that no task has its name.
    assert_eq!(scenario.tasks_at_kling(), 2);
    assert!(!reason.contains("Kling has no task"), "{reason}");
    scenario.env.sim.lag(Lags::default());
    scenario.succeeds(2).await;
    assert_eq!(scenario.tasks_at_kling(), 2);
}

#[tokio::test]
async fn failing_lookups() {
    let scenario = lenient(60_000).await;
    hide_new_tasks(&scenario);
    lose(&scenario, Fault::LoseAnswer);
    scenario.add("x").await;
    scenario.env.until("the request", async || scenario.tasks_at_kling() == 2).await;
    scenario.env.sim.fail_lookups(true, true);
    let reason = scenario.says("x", "; the last lookup failed: ").await;
    assert!(reason.starts_with(CHECKING), "{reason}");
    scenario.env.sim.fail_lookups(false, false);
    scenario.env.sim.lag(Lags::default());
    scenario.succeeds(2).await;
    assert_eq!(scenario.tasks_at_kling(), 2);
}

#[tokio::test]
async fn absent_request_is_sent_again_when_the_queue_allows_it() {
    let scenario = lenient(150).await;
    lose(&scenario, Fault::DropRequest);
    scenario.add("x").await;
    scenario.env.until_state("x", State::Creating).await;
    // Without a slot at Kling, the request is refused again and again.
    scenario.env.sim.set(|config| config.concurrency = 0);
    let words = "the create request will be sent again; the API deferred the call: ";
    scenario.says("x", words).await;
    assert_eq!(scenario.tasks_at_kling(), 1);
    let pause = Pause {
        kind: PauseKind::Person,
        reason: "paused by `lipsyncd pause`".to_owned(),
        code: None,
        since_ms: scenario.env.now_ms(),
        next_probe_at_ms: None,
    };
    scenario.env.store.set_pause(Some(pause)).await.unwrap();
    scenario.running.nudge();
    scenario.says("x", "the queue is paused: paused by `lipsyncd pause`").await;
    scenario.env.sim.set(|config| config.concurrency = 5);
    scenario.env.store.set_pause(None).await.unwrap();
    scenario.succeeds(2).await;
    assert_eq!(scenario.tasks_at_kling(), 2);
}

#[tokio::test]
async fn account_that_answers_no_lookups_leaves_it_to_a_person() {
    let config = SimConfig { answers_external_lookups: false, ..slow() };
    let scenario = Scenario::start(config, Vec::new()).await;
    lose(&scenario, Fault::LoseAnswer);
    scenario.add("x").await;
    let reason = scenario.says("x", "a person must decide: ").await;
    // The list shows the task, without its name.
    let task_id = scenario.env.ledger().tasks[0].task_id.clone();
    assert!(
        reason.contains(&format!(
            "task {task_id} could be this one, and Kling does not show its name"
        )),
        "{reason}"
    );
    assert!(reason.contains(" (create request sent once, at "), "{reason}");
    let command = ". Run `lipsyncd resolve x` with `--task ID` or `--resend`";
    assert!(reason.ends_with(command), "{reason}");
    scenario.env.apply("x", Outcome::ResolvedAs { task_id }).await.unwrap();
    scenario.succeeds(1).await;
    assert_eq!(scenario.tasks_at_kling(), 1);
}
