//! The caps of a day with many slots: tasks in progress count, at each start again, in units and in money.

use std::time::Duration;

use lipsyncd::{
    job::{AssumedPrices, Caps, Length, PriceList, Source, State},
    pipeline::End,
    sim::{BilledLength, Endpoint, FaultRule, Payment, SimConfig},
    store::Reader,
};
use serde_json::json;

use crate::support::{TestEnv, daemon::slow, many, patch, quick, wanted, with};

const DAY_MS: i64 = 86_400_000;

/// 20 slots, and caps of 9.1 of what the account pays with. A task costs 2, an Identify Face 0.05.
async fn capped(config: SimConfig) -> TestEnv {
    let cap_micro = Some(9_100_000);
    let caps = match config.payment {
        Payment::Units => Caps { units_micro: cap_micro, money_micro: None },
        // The units alone would never hold it.
        _ => Caps { units_micro: cap_micro, money_micro: cap_micro },
    };
    let mut test_env = TestEnv::new(SimConfig { concurrency: 20, ..config }).await;
    (test_env.settings.slots, test_env.settings.caps) = (20, caps);
    let mut jobs = many("m", 40);
    // Otherwise the prices of videos at URLs are guesses.
    for job in &mut jobs {
        job.media.as_mut().unwrap().video_ms = Some(10_000);
    }
    test_env.put("m.yaml", jobs).await;
    test_env
}

/// What was spent today, in millionths.
async fn spent(test_env: &TestEnv) -> i64 {
    let spent = test_env.store.budget_numbers(test_env.now_ms()).await.unwrap().spent;
    spent.units_micro + spent.money_micro
}

#[tokio::test]
async fn twenty_slots_spend_no_more_than_the_cap() {
    for payment in [Payment::Units, Payment::Balance, Payment::BalanceAlone] {
        let test_env = capped(SimConfig { payment, ..quick() }).await;
        assert_eq!(test_env.run().await, End::Held);
        let first = spent(&test_env).await;
        assert!((8_200_000..=9_100_000).contains(&first), "{payment:?}: {first}");
        assert_eq!(test_env.ledger().tasks.len(), 4);
        // The price is known: on the next day, the tasks run at once.
        test_env.set_ahead(DAY_MS);
        assert_eq!(test_env.run().await, End::Held);
        assert!((8_200_000..=9_100_000).contains(&spent(&test_env).await), "{payment:?}");
        assert!(test_env.ledger().at_once_max > 1, "{payment:?}");
    }
}

#[tokio::test]
async fn restarts_and_tasks_in_progress_spend_no_more_than_the_cap() {
    let test_env = capped(quick()).await;
    assert_eq!(test_env.run().await, End::Held);
    test_env.set_ahead(DAY_MS);
    test_env.sim.control(|sim| sim.config_mut().task_ms = (600_000, 600_000));
    for start in 0..5 {
        let running = test_env.start().await;
        let reason = async || {
            let waiting = test_env.tasks().await.into_iter().find(|task| task.state.is_unsent());
            waiting.and_then(|task| test_env.waits_for(&task.spec.key)).unwrap_or_default()
        };
        let held = "tasks in progress are expected to cost 8; the next task is expected to cost ";
        test_env.until("the hold", async || reason().await.contains(held)).await;
        running.stop().await;
        assert_eq!(test_env.ledger().tasks.len(), 8, "start {start}");
    }
    // They are charged on the day after, and belong to the day of their create request.
    test_env.set_ahead(2 * DAY_MS);
    test_env.sim.advance(Duration::from_secs(601));
    test_env.sim.control(|sim| sim.config_mut().task_ms = (50, 50));
    assert_eq!(test_env.run().await, End::Held);
    assert_eq!(test_env.ledger().tasks.len(), 12, "a day for each four");
    for day in 0..3 {
        test_env.set_ahead(day * DAY_MS);
        assert!((8_000_000..=9_100_000).contains(&spent(&test_env).await), "day {day}");
    }
}

#[tokio::test]
async fn tasks_of_unknown_price_run_one_at_a_time() {
    let test_env = capped(quick()).await;
    let untold = patch(json!({"data": {"final_unit_deduction": null}}));
    for call in [Endpoint::Identify, Endpoint::Query, Endpoint::List] {
        test_env.fault(FaultRule::always(call, untold.clone()));
    }
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().at_once_max, 1);
    test_env.assert_all_succeeded(40).await;
}

/// The length of a video at a URL is unknown, and may decide what its task costs.
#[tokio::test]
async fn long_videos_of_unknown_length_do_not_start_at_the_price_of_a_short_one() {
    let mut test_env = TestEnv::new(SimConfig { concurrency: 20, ..quick() }).await;
    let cap_micro = 20_000_000;
    test_env.settings.slots = 20;
    test_env.settings.caps = Caps { units_micro: Some(cap_micro), money_micro: None };
    let of = |key: &str, ms: u32| {
        let url = format!("https://cdn.example/{key}.mp4?duration_ms={ms}&faces=1");
        with(key, |spec| spec.video = Source::Url(url))
    };
    test_env.put("short.yaml", vec![of("short", 5_000)]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(spent(&test_env).await, 1_050_000);
    let long = (0..20).map(|n| of(&format!("long/{n}"), 60_000)).collect();
    test_env.put("long.yaml", long).await;
    assert_eq!(test_env.run().await, End::Held);
    let spent = spent(&test_env).await;
    assert!((12_000_000..=cap_micro + 12_050_000).contains(&spent), "{spent}");
}

#[tokio::test]
async fn assumed_prices_let_several_tasks_start_before_one_has_ended() {
    let mut test_env = capped(slow()).await;
    let assumed = AssumedPrices { identify_micro: Some(50_000), per_step_micro: Some(1_000_000) };
    test_env.settings.assumed_prices = assumed;
    let running = test_env.start().await;
    test_env.until_count(State::Processing, 4).await;
    test_env
        .until("the hold", async || {
            test_env.tasks().await.iter().any(|task| {
                let reason = test_env.waits_for(&task.spec.key).unwrap_or_default();
                reason.starts_with("daily budget reached (")
                    && reason.contains("tasks in progress are expected to cost 8")
            })
        })
        .await;
    assert_eq!(test_env.ledger().tasks.len(), 4);
    running.stop().await;
}

/// A video of 10 s, and 3 s or 7 s of audio.
#[tokio::test]
async fn prices_are_learned_by_the_length_that_decides() {
    for (billed_length, longest) in
        [(BilledLength::Audio, 3_000_000), (BilledLength::Video, 2_000_000)]
    {
        let test_env = TestEnv::new(SimConfig { billed_length, ..quick() }).await;
        let long = with("b", |spec| spec.sound_end_ms = Some(7_000));
        test_env.put("m.yaml", vec![wanted("a"), long]).await;
        assert_eq!(test_env.run().await, End::Idle);
        let reader = Reader::open(test_env.store.path()).unwrap();
        let (observed, identify) = reader.prices().unwrap();
        let prices = PriceList { observed, identify, assumed: AssumedPrices::default() };
        assert_eq!(prices.identify().units_micro, Some(50_000));
        let price = prices.task(Length::of_ms(Some(12_000), Some(10_000)));
        assert_eq!(price.units_micro, Some(longest), "{billed_length:?}: {prices:?}");
    }
}
