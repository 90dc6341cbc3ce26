//! A retry of a task that Kling no longer showed: if Kling shows it after all, its result is used and nothing is paid.

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Call, FaultRule},
    store::Command,
};

use crate::support::{House, quick, refusal, wanted};

const DAYS_31_MS: i64 = 31 * 24 * 60 * 60 * 1_000;

/// A house with a job whose task failed, because Kling had not shown it for 31 days.
async fn gone() -> House {
    let mut house = House::new(quick()).await;
    house.settings.policy.give_up_after_ms = 300;
    house.fault(FaultRule::always(Call::Query, refusal(1203)));
    house.put("m.yaml", vec![wanted("m/a")]).await;
    let running = house.start().await;
    house.until_state("m/a", State::Submitted).await;
    house.until("it to be out of sight", async || house.task("m/a").await.slot_freed).await;
    running.stop().await;
    house.set_ahead(DAYS_31_MS);
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(house.task("m/a").await.failure.unwrap().code, "task_gone");
    house
}

#[tokio::test]
async fn task_that_kling_shows_again_is_followed_by_a_retry() {
    let house = gone().await;
    house.clear_faults();
    house.command("m/a", Command::Retry).await;
    let running = house.start().await;
    house.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    house.assert_all_shared(1, 1).await;
}

#[tokio::test]
async fn task_that_kling_still_does_not_show_is_paid_for_again_by_a_retry() {
    let house = gone().await;
    house.command("m/a", Command::Retry).await;
    let running = house.start().await;
    house.until("the next take", async || house.ledger().tasks.len() == 2).await;
    house.clear_faults();
    house.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    assert_eq!(house.task("m/a").await.take, 2);
}
