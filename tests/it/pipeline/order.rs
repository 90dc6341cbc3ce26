//! Who is next: by priority, then manifests take turns.

use lipsyncd::{job::State, pipeline::End, sim::SimConfig};

use crate::support::{House, many, quick, wanted, with};

/// The jobs in the order in which they were paid for.
fn order(house: &House) -> Vec<String> {
    let tasks = house.ledger().tasks;
    tasks.into_iter().map(|task| task.external_task_id.unwrap().replace("ext-", "")).collect()
}

#[tokio::test]
async fn with_one_slot_priority_comes_first_and_manifests_take_turns() {
    let mut house = House::new(SimConfig { task_ms: (100, 100), ..quick() }).await;
    house.settings.slots = 1;
    let running = house.start().await;
    house.put("first.yaml", vec![wanted("first")]).await;
    running.nudge();
    house.until("the slot taken", async || house.ledger().tasks.len() == 1).await;
    house.put("a.yaml", many("a", 3)).await;
    house.put("b.yaml", many("b", 3)).await;
    let prior = |key: &str, priority| with(key, |spec| spec.priority = priority);
    house.put("c.yaml", vec![prior("c/low", -5), prior("c/high", 50), prior("c/top", 100)]).await;
    running.nudge();
    house.until_count(State::Succeeded, 10).await;
    running.stop().await;
    let expected = "first c-top c-high a-000 b-000 a-001 b-001 a-002 b-002 c-low"
        .split(' ')
        .collect::<Vec<_>>();
    assert_eq!(order(&house), expected);
}

#[tokio::test]
async fn an_urgent_job_passes_a_full_window() {
    let mut house = House::new(SimConfig { task_ms: (250, 250), ..quick() }).await;
    house.settings.slots = 1;
    house.put("a.yaml", many("a", 12)).await;
    let running = house.start().await;
    house.until("the slot taken", async || house.ledger().tasks.len() == 1).await;
    house.put("b.yaml", vec![with("b/urgent", |spec| spec.priority = 100)]).await;
    running.nudge();
    house.until_state("b/urgent", State::Succeeded).await;
    running.stop().await;
    let place = order(&house).iter().position(|key| key == "b-urgent").unwrap();
    assert!(place <= 2, "it came {place}th");
}

#[tokio::test]
async fn a_long_queue_is_worked_off_without_a_nudge() {
    let mut house = House::new(SimConfig { concurrency: 50, task_ms: (1, 5), ..quick() }).await;
    house.settings.slots = 20;
    house.put("a.yaml", many("a", 150)).await;
    house.put("b.yaml", many("b", 100)).await;
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(250).await;
    assert!(house.ledger().at_once_max <= 20);
}
