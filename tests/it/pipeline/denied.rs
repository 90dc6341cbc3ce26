//! Tasks and results that the API denies: what was paid for is not given up for a wrong reason.

use std::time::Duration;

use lipsyncd::{
    job::State,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
};

use crate::support::{TestEnv, quick, refusal, wanted};

const DAYS_31_MS: i64 = 31 * 24 * 60 * 60 * 1_000;

#[tokio::test]
async fn a_task_of_another_account_is_followed_until_its_credentials_are_back() {
    let mut test_env = TestEnv::new(SimConfig { task_ms: (600_000, 600_000), ..quick() }).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Processing).await;
    running.stop().await;

    let ours = std::mem::replace(&mut test_env.settings.account.key, "another".to_owned());
    test_env.fault(FaultRule::always(Endpoint::Query, refusal(1203)));
    test_env.settings.policy.give_up_after_ms = 1;
    let running = test_env.start().await;
    test_env
        .until("the reason", async || {
            test_env
                .waits_for("m/a")
                .is_some_and(|words| words.contains("created with key at host"))
        })
        .await;
    test_env.until("its slot to be free", async || !test_env.task("m/a").await.holds_slot()).await;
    running.stop().await;
    assert_eq!(test_env.state("m/a").await, State::Processing);

    test_env.settings.account.key = ours;
    test_env.clear_faults();
    test_env.sim.advance(Duration::from_secs(601));
    test_env.run().await;
    test_env.assert_all_succeeded(1).await;
}

/// A result that is not there for a while, with a task whose age makes no sense.
async fn late(with: serde_json::Value, ahead_ms: i64) {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(FaultRule::always(Endpoint::Download, Fault::Status { status: 404 }));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Downloading).await;
    test_env.fault(FaultRule::always(Endpoint::Query, Fault::Patch { with }));
    test_env.set_ahead(ahead_ms);
    let before = test_env.ledger().accepted(Endpoint::Query);
    test_env
        .until("it to be asked for again", async || {
            test_env.state("m/a").await != State::Downloading
                || test_env.ledger().accepted(Endpoint::Query) > before + 3
        })
        .await;
    test_env.clear_faults();
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn a_result_that_is_late_is_waited_for_whatever_the_clocks_say() {
    // In seconds, where the page says milliseconds; no time at all; a clock of ours that runs ahead.
    late(serde_json::json!({ "data": { "created_at": 1_700_000_000 } }), 0).await;
    late(serde_json::json!({ "data": { "created_at": i64::MIN } }), 0).await;
    late(serde_json::json!({}), DAYS_31_MS).await;
}
