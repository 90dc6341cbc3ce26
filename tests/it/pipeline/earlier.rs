//! A retry of a task that Kling no longer showed: if Kling shows it after all, its result is used and nothing is paid.

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Endpoint, FaultRule},
    store::Command,
};

use crate::support::{TestEnv, quick, refusal, wanted};

const DAYS_31_MS: i64 = 31 * 24 * 60 * 60 * 1_000;

/// A test environment with a job whose task failed, because Kling had not shown it for 31 days.
async fn gone() -> TestEnv {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.policy.give_up_after_ms = 300;
    test_env.fault(FaultRule::always(Endpoint::Query, refusal(1203)));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Submitted).await;
    test_env
        .until("it to be out of sight", async || test_env.task("m/a").await.slot_released)
        .await;
    running.stop().await;
    test_env.set_ahead(DAYS_31_MS);
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.task("m/a").await.failure.unwrap().code, "task_gone");
    test_env
}

#[tokio::test]
async fn task_that_kling_shows_again_is_followed_by_a_retry() {
    let test_env = gone().await;
    test_env.clear_faults();
    test_env.command("m/a", Command::Retry).await;
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_shared(1, 1).await;
}

#[tokio::test]
async fn task_that_kling_still_does_not_show_is_paid_for_again_by_a_retry() {
    let test_env = gone().await;
    test_env.command("m/a", Command::Retry).await;
    let running = test_env.start().await;
    test_env.until("the next take", async || test_env.ledger().tasks.len() == 2).await;
    test_env.clear_faults();
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    assert_eq!(test_env.task("m/a").await.take, 2);
}
