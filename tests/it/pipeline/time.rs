//! Wall clocks that are waited for, and that jump.

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Endpoint, FaultRule},
};

use crate::support::{TestEnv, quick, refusal, wanted, with};

const HOUR_MS: i64 = 3_600_000;

#[tokio::test]
async fn jobs_wait_for_their_not_before_and_then_all_run() {
    let test_env = TestEnv::new(quick()).await;
    let at_ms = test_env.now_ms() + HOUR_MS;
    // More than fit into the window at once.
    let later = |n: usize| with(&format!("m/{n:02}"), |spec| spec.not_before_at_ms = Some(at_ms));
    test_env.put("m.yaml", (0..30).map(later).collect()).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.store.count(&[State::Waiting]).await.unwrap(), 30);
    assert!(test_env.waits_for("m/00").unwrap().contains("not_before"));

    let running = test_env.start().await;
    test_env.put("n.yaml", vec![wanted("n/now")]).await;
    running.nudge();
    test_env.until_state("n/now", State::Succeeded).await;
    assert_eq!(test_env.ledger().tasks.len(), 1);
    test_env.set_ahead(HOUR_MS);
    // Once: whatever comes after must come by itself.
    running.nudge();
    test_env.until_count(State::Succeeded, 31).await;
    running.stop().await;
    test_env.assert_all_succeeded(31).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_a_day_delays_no_job_by_a_day() {
    let test_env = TestEnv::new(quick()).await;
    test_env
        .fault(FaultRule { times: Some(3), ..FaultRule::once(Endpoint::Identify, refusal(5000)) });
    test_env
        .fault(FaultRule { times: Some(2), ..FaultRule::once(Endpoint::Create, refusal(5001)) });
    test_env.put("m.yaml", vec![wanted("m/a"), wanted("m/b")]).await;
    test_env.set_ahead(24 * HOUR_MS);
    let running = test_env.start().await;
    test_env
        .until("a failure", async || test_env.ledger().refused(Endpoint::Identify, 5000) >= 1)
        .await;
    test_env.set_ahead(0);
    running.nudge();
    test_env
        .until("lost creates", async || test_env.ledger().refused(Endpoint::Create, 5001) >= 2)
        .await;
    test_env.set_ahead(-24 * HOUR_MS);
    running.nudge();
    test_env.until_count(State::Succeeded, 2).await;
    running.stop().await;
    test_env.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn the_first_task_after_an_idle_time_is_polled_soon() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.poll_max_ms = HOUR_MS;
    let running = test_env.start().await;
    for key in ["a", "b", "c"] {
        test_env.put(key, vec![wanted(key)]).await;
        running.nudge();
        test_env.until_state(key, State::Succeeded).await;
    }
    running.stop().await;
    test_env.assert_all_succeeded(3).await;
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_ahead_fails_nothing() {
    let test_env = TestEnv::new(quick()).await;
    test_env
        .fault(FaultRule { times: Some(4), ..FaultRule::once(Endpoint::Identify, refusal(5000)) });
    test_env
        .fault(FaultRule { times: Some(2), ..FaultRule::once(Endpoint::Create, refusal(5001)) });
    test_env.put("m.yaml", vec![wanted("m/a"), wanted("m/b")]).await;
    let running = test_env.start().await;
    test_env
        .until("a failure", async || test_env.ledger().refused(Endpoint::Identify, 5000) >= 2)
        .await;
    test_env.set_ahead(24 * HOUR_MS);
    running.nudge();
    test_env
        .until("lost creates", async || test_env.ledger().refused(Endpoint::Create, 5001) >= 2)
        .await;
    test_env.set_ahead(48 * HOUR_MS);
    running.nudge();
    test_env.until_count(State::Succeeded, 2).await;
    running.stop().await;
    test_env.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn a_session_that_looks_old_is_identified_again_and_one_that_looks_young_is_used() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.slots = 1;
    let one_video = |key: &str| {
        with(key, |spec| {
            spec.video = lipsyncd::job::Source::Url(
                "https://cdn.example/one.mp4?duration_ms=10000&faces=1".to_owned(),
            );
        })
    };
    test_env.put("m.yaml", vec![one_video("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.set_ahead(-24 * HOUR_MS);
    test_env.put("n.yaml", vec![one_video("n/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 1);
    test_env.set_ahead(24 * HOUR_MS);
    test_env.put("o.yaml", vec![one_video("o/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 2);
    test_env.assert_all_succeeded(3).await;
}

#[tokio::test]
async fn a_budget_counts_the_day_of_the_clock_even_if_it_jumps() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.slots = 1;
    // A task costs 2, an identify 0.05.
    test_env.settings.caps.units_micro = Some(2_100_000);
    test_env.put("m.yaml", vec![wanted("m/a"), wanted("m/b"), wanted("m/c")]).await;
    let running = test_env.start().await;
    let done = |count| test_env.until_count(State::Succeeded, count);
    done(1).await;
    // Which of them comes first goes by whose video is identified first.
    let is_held = |key| test_env.waits_for(key).is_some_and(|words| words.contains("budget"));
    let held = async || ["m/a", "m/b", "m/c"].into_iter().any(is_held);
    test_env.until("the budget to be spent", held).await;
    test_env.set_ahead(24 * HOUR_MS);
    running.nudge();
    done(2).await;
    // Back on a day whose budget is spent.
    test_env.set_ahead(0);
    running.nudge();
    test_env.until("the budget to be spent again", held).await;
    test_env.set_ahead(-24 * HOUR_MS);
    running.nudge();
    done(3).await;
    running.stop().await;
    test_env.assert_all_succeeded(3).await;
}
