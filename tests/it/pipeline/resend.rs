//! Create requests that are sent more than once: what a later refusal says of the first send, and by which clock a
//! task is absent.

use std::time::Duration;

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
    store::{Lookups, Pause, PauseKind},
};

use crate::support::{TestEnv, account, quick, refusal, wanted};

/// A test environment with one job whose first create suffers `first`, and the second `second`.
async fn sent_twice(config: SimConfig, first: Fault, second: Fault) -> TestEnv {
    let test_env = TestEnv::new(config).await;
    test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
    test_env.fault(FaultRule::once(Endpoint::Create, first));
    test_env.fault(FaultRule { nth: 2, ..FaultRule::once(Endpoint::Create, second) });
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    test_env
}

fn worded(code: u16, status: Option<u16>, message: &str) -> Fault {
    Fault::Code { code, status, retry_after_s: None, message: Some(message.to_owned()) }
}

#[tokio::test]
async fn a_resend_that_is_refused_does_not_fail_a_job_whose_first_send_was_accepted() {
    // The first send shows up only after the second was sent, and before that is answered.
    let config = SimConfig { create_latency_ms: 300, visibility_lag_ms: 700, ..quick() };
    for (code, status) in [
        (1200, None),
        (1201, None),
        (1202, None),
        (1203, None),
        (1300, None),
        (1301, None),
        (1999, Some(400)),
    ] {
        let refused = worded(code, status, "no");
        let test_env = sent_twice(config.clone(), Fault::LoseAnswer, refused).await;
        assert_eq!(test_env.run().await, End::Idle, "{code}");
        test_env.assert_all_succeeded(1).await;
    }
}

#[tokio::test]
async fn a_resend_that_is_refused_fails_the_job_once_no_earlier_send_shows_up() {
    let test_env = sent_twice(quick(), Fault::DropRequest, refusal(1301)).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.task("m/a").await.failure.unwrap().code, "1301");
    assert_eq!(test_env.ledger().tasks.len(), 0);
}

#[tokio::test]
async fn a_resend_that_is_deferred_or_never_sent_may_still_exist() {
    for code in [1000, 1101, 1102, 1302, 1303] {
        let test_env = sent_twice(quick(), Fault::DropRequest, refusal(code)).await;
        let running = test_env.start().await;
        test_env.until_state("m/a", State::Succeeded).await;
        running.stop().await;
        test_env.assert_all_succeeded(1).await;
        let reader = lipsyncd::store::open_reader(test_env.store.path()).unwrap();
        let sql = "SELECT count(*) FROM job_history
                   WHERE from_state = 'creating' AND to_state IN ('queued', 'identified')";
        let forgotten: i64 = reader.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(forgotten, 0, "{code}");
    }
}

#[tokio::test]
async fn the_first_send_is_looked_up_before_a_new_session_uses_its_name() {
    // Nothing but the lookup keeps this account from a second task of the same name, and the first
    // shows up only while the video is identified again.
    let config = SimConfig {
        unique_external_ids: false,
        visibility_lag_ms: 700,
        identify_latency_ms: 800,
        ..quick()
    };
    let gone = worded(1201, None, "session_id not found or expired");
    let test_env = sent_twice(config, Fault::LoseAnswer, gone).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Create), 1);
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_does_not_shorten_the_wait_for_a_lost_create() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.policy.create_settle_ms = 60_000;
    test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
    test_env.fault(FaultRule::once(Endpoint::Create, Fault::DropRequest));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    let unknown = || test_env.count_history("m/a", "shows no task of this name so far");
    test_env.until("a lookup that finds nothing", async || unknown() >= 1).await;
    test_env.set_ahead(3_600_000);
    running.nudge();
    test_env.until("more lookups", async || unknown() >= 3).await;
    running.stop().await;
    assert_eq!(test_env.count_history("m/a", "again as"), 0);
}

#[tokio::test]
async fn during_a_pause_a_resend_waits_and_may_be_the_probe() {
    let test_env = sent_twice(quick(), Fault::DropRequest, refusal(1102)).await;
    let running = test_env.start().await;
    test_env.until("the pause", async || test_env.store.pause().await.unwrap().is_some()).await;
    // Nobody else is there to find out whether the account can pay again.
    test_env.until_state("m/a", State::Succeeded).await;
    assert_eq!(test_env.store.pause().await.unwrap(), None);
    running.stop().await;
    test_env.assert_all_succeeded(1).await;
    assert_eq!(test_env.ledger().refused(Endpoint::Create, 1102), 1);
}

#[tokio::test]
async fn no_network_for_a_resend_is_waited_out() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.request_timeout = Duration::from_millis(300);
    test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
    test_env.fault(FaultRule {
        times: Some(3),
        ..FaultRule::once(Endpoint::Create, Fault::DropRequest)
    });
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn during_a_pause_lookups_still_decide() {
    // This account does not answer names, and its list shows a task that could be the one.
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let test_env = TestEnv::new(config).await;
    test_env.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    test_env.fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    let is_lost = || test_env.count_history("m/a", "no answer to the create request") > 0;
    test_env.until("the loss", async || is_lost()).await;
    let pause = Pause {
        kind: PauseKind::Person,
        reason: "a person".to_owned(),
        code: None,
        since_ms: test_env.now_ms(),
        next_probe_at_ms: None,
    };
    test_env.store.set_pause(Some(pause)).await.unwrap();
    running.nudge();
    test_env.until_state("m/a", State::Unresolved).await;
    running.stop().await;
}

#[tokio::test]
async fn run_once_does_not_wait_for_a_paused_queue_to_send_again() {
    let mut test_env = sent_twice(quick(), Fault::DropRequest, refusal(1102)).await;
    test_env.settings.probe_interval_ms = 3_600_000;
    assert_eq!(test_env.run().await, End::Held);
    assert_eq!(test_env.state("m/a").await, State::Creating);
    test_env.settings.probe_interval_ms = 100;
    // A start counts the absence anew, and probes with it then.
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn run_once_does_not_wait_for_refused_credentials() {
    let test_env = TestEnv::new(SimConfig { task_ms: (600, 600), ..quick() }).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until("the task", async || test_env.ledger().tasks.len() == 1).await;
    test_env.fault(FaultRule::always(Endpoint::Any, refusal(1002)));
    test_env.until("the pause", async || test_env.store.pause().await.unwrap().is_some()).await;
    running.stop().await;
    assert_eq!(test_env.run().await, End::Held);
    test_env.clear_faults();
    test_env.store.set_pause(None).await.unwrap();
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}
