//! Wall clocks that are waited for, and that jump.

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Call, FaultRule},
};

use crate::support::{House, quick, refusal, wanted, with};

const HOUR_MS: i64 = 3_600_000;

#[tokio::test]
async fn a_job_waits_for_its_time_and_then_runs_with_all_that_wait_for_the_same() {
    let house = House::new(quick()).await;
    let at_ms = house.now_ms() + HOUR_MS;
    // More than fit into the window at once.
    let later = |n: usize| with(&format!("m/{n:02}"), |spec| spec.not_before_at_ms = Some(at_ms));
    house.put("m.yaml", (0..30).map(later).collect()).await;
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(house.store.count(&[State::Waiting]).await.unwrap(), 30);
    assert!(house.waits_for("m/00").unwrap().contains("not_before"));

    let running = house.start().await;
    house.put("n.yaml", vec![wanted("n/now")]).await;
    running.nudge();
    house.until_state("n/now", State::Succeeded).await;
    assert_eq!(house.ledger().tasks.len(), 1);
    house.set_ahead(HOUR_MS);
    // Once: whatever comes after must come by itself.
    running.nudge();
    house.until_count(State::Succeeded, 31).await;
    running.stop().await;
    house.assert_all_succeeded(31).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_a_day_delays_nobody_by_a_day() {
    let house = House::new(quick()).await;
    house.fault(FaultRule { times: Some(3), ..FaultRule::once(Call::Identify, refusal(5000)) });
    house.fault(FaultRule { times: Some(2), ..FaultRule::once(Call::Create, refusal(5001)) });
    house.put("m.yaml", vec![wanted("m/a"), wanted("m/b")]).await;
    house.set_ahead(24 * HOUR_MS);
    let running = house.start().await;
    house.until("a failure", async || house.ledger().refused(Call::Identify, 5000) >= 1).await;
    house.set_ahead(0);
    running.nudge();
    house.until("lost creates", async || house.ledger().refused(Call::Create, 5001) >= 2).await;
    house.set_ahead(-24 * HOUR_MS);
    running.nudge();
    house.until_count(State::Succeeded, 2).await;
    running.stop().await;
    house.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn a_task_after_a_lull_is_not_left_unseen_until_the_longest_interval_is_over() {
    let mut house = House::new(quick()).await;
    house.settings.poll_max_ms = HOUR_MS;
    let running = house.start().await;
    for key in ["a", "b", "c"] {
        house.put(key, vec![wanted(key)]).await;
        running.nudge();
        house.until_state(key, State::Succeeded).await;
    }
    running.stop().await;
    house.assert_all_succeeded(3).await;
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_ahead_fails_nothing() {
    let house = House::new(quick()).await;
    house.fault(FaultRule { times: Some(4), ..FaultRule::once(Call::Identify, refusal(5000)) });
    house.fault(FaultRule { times: Some(2), ..FaultRule::once(Call::Create, refusal(5001)) });
    house.put("m.yaml", vec![wanted("m/a"), wanted("m/b")]).await;
    let running = house.start().await;
    house.until("a failure", async || house.ledger().refused(Call::Identify, 5000) >= 2).await;
    house.set_ahead(24 * HOUR_MS);
    running.nudge();
    house.until("lost creates", async || house.ledger().refused(Call::Create, 5001) >= 2).await;
    house.set_ahead(48 * HOUR_MS);
    running.nudge();
    house.until_count(State::Succeeded, 2).await;
    running.stop().await;
    house.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn a_session_that_a_clock_made_old_is_asked_for_anew_and_one_it_made_young_is_used() {
    let mut house = House::new(quick()).await;
    house.settings.slots = 1;
    let one_video = |key: &str| {
        with(key, |spec| {
            spec.video = lipsyncd::job::Source::Url(
                "https://cdn.example/one.mp4?duration_ms=10000&faces=1".to_owned(),
            );
        })
    };
    house.put("m.yaml", vec![one_video("m/a")]).await;
    assert_eq!(house.run().await, End::Idle);
    house.set_ahead(-24 * HOUR_MS);
    house.put("n.yaml", vec![one_video("n/a")]).await;
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(house.ledger().accepted(Call::Identify), 1);
    house.set_ahead(24 * HOUR_MS);
    house.put("o.yaml", vec![one_video("o/a")]).await;
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(house.ledger().accepted(Call::Identify), 2);
    house.assert_all_succeeded(3).await;
}

#[tokio::test]
async fn a_budget_goes_by_the_day_that_the_clock_tells_whichever_way_it_jumps() {
    let mut house = House::new(quick()).await;
    house.settings.slots = 1;
    // A task costs 2, an identify 0.05.
    house.settings.units_per_day_micro = Some(1_000_000);
    house.put("m.yaml", vec![wanted("m/a"), wanted("m/b"), wanted("m/c")]).await;
    let running = house.start().await;
    let done = |count| house.until_count(State::Succeeded, count);
    done(1).await;
    let waits = |key| house.waits_for(key).is_some_and(|words| words.contains("budget"));
    let held = async || ["m/a", "m/b", "m/c"].into_iter().any(waits);
    house.until("the budget to be spent", held).await;
    house.set_ahead(24 * HOUR_MS);
    running.nudge();
    done(2).await;
    // Back on a day whose budget is spent.
    house.set_ahead(0);
    running.nudge();
    house.until("the budget to be spent again", held).await;
    house.set_ahead(-24 * HOUR_MS);
    running.nudge();
    done(3).await;
    running.stop().await;
    house.assert_all_succeeded(3).await;
}
