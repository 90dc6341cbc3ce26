//! The pace of calls, rests after a 1302, and what is counted of both.

use super::*;

const QUERY_REST_MAX: Duration = Duration::from_secs(300);

const SETTINGS: RateSettings = RateSettings {
    identify_per_second: 1_000.0,
    create_per_second: 1_000.0,
    query_per_second: 1_000.0,
};

fn rate() -> CallRate {
    CallRate::new(&SETTINGS, QUERY_REST_MAX)
}

#[tokio::test(start_paused = true)]
async fn no_second_has_more_calls_than_configured_not_even_the_first() {
    let settings =
        RateSettings { identify_per_second: 20.0, create_per_second: 20.0, query_per_second: 20.0 };
    for kind in [CallKind::Identify, CallKind::Create, CallKind::Query] {
        let (rate, mut sent_at) = (CallRate::new(&settings, QUERY_REST_MAX), Vec::new());
        for _ in 0..60 {
            rate.ready(kind).await;
            sent_at.push(Instant::now());
        }
        let narrowest = sent_at.windows(21).map(|calls| calls[20] - calls[0]).min();
        assert!(narrowest >= Some(Duration::from_secs(1)), "{kind:?}: {narrowest:?}");
        assert!(sent_at[59] - sent_at[0] < Duration::from_secs(4), "{kind:?} is slower");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_are_sent_in_the_order_in_which_they_wait() {
    let settings = RateSettings { create_per_second: 20.0, ..SETTINGS };
    let rate = CallRate::new(&settings, QUERY_REST_MAX);
    let sent = Mutex::new(Vec::new());
    let call = async |number: usize| {
        rate.ready(CallKind::Create).await;
        locked(&sent).push(number);
    };
    futures_util::future::join_all((0..40).rev().map(call)).await;
    assert_eq!(*locked(&sent), (0..40).rev().collect::<Vec<_>>());
}

fn locked(sent: &Mutex<Vec<usize>>) -> MutexGuard<'_, Vec<usize>> {
    sent.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Timers are as fine as a millisecond.
#[tokio::test(start_paused = true)]
async fn a_rate_of_more_than_a_call_a_millisecond_is_reached() {
    let settings = RateSettings { create_per_second: 50_000.0, ..SETTINGS };
    let (rate, began) = (CallRate::new(&settings, QUERY_REST_MAX), Instant::now());
    for _ in 0..5_000 {
        rate.ready(CallKind::Create).await;
    }
    let took = began.elapsed().as_millis();
    assert!((95..150).contains(&took), "{took} ms for 5,000 calls at 50,000 per second");
}

#[tokio::test(start_paused = true)]
async fn a_requested_pause_applies_to_every_kind_of_call() {
    for kind in [CallKind::Identify, CallKind::Create, CallKind::Query] {
        let (rate, began) = (rate(), Instant::now());
        assert_eq!(rate.slow_down(Some(30_000)).queries, Duration::from_secs(30));
        // A shorter rest does not shorten it.
        rate.slow_down(None);
        rate.ready(kind).await;
        assert_eq!(began.elapsed().as_secs(), 30, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_1302_in_a_row_doubles_the_pause_up_to_a_minute() {
    let (rate, mut slowed) = (rate(), Vec::new());
    for _ in 0..8 {
        slowed.push(rate.slow_down(None).paid.as_secs());
        rate.ready(CallKind::Create).await;
    }
    assert_eq!(slowed, [1, 2, 4, 8, 16, 32, 60, 60]);
    rate.end_slowdown();
    assert_eq!(rate.slow_down(None).paid.as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_calls_that_were_sent_together_are_one() {
    let (rate, began) = (rate(), Instant::now());
    for _ in 0..20 {
        assert_eq!(rate.slow_down(None).paid, Duration::from_secs(1));
    }
    rate.ready(CallKind::Create).await;
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(rate.slow_down(None).paid, Duration::from_secs(2));
    assert_eq!(rate.throttling().map(|throttling| throttling.times), Some(21));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_counted_until_there_was_none_for_a_minute() {
    let rate = rate();
    assert_eq!(rate.throttling(), None);
    for _ in 0..3 {
        rate.slow_down(None);
        rate.end_slowdown();
        sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(rate.end_throttling(), None);
    let throttling = rate.throttling().unwrap();
    assert_eq!((throttling.times, throttling.length().as_secs()), (3, 60));
    sleep(Duration::from_secs(30)).await;
    assert_eq!(rate.end_throttling(), Some(throttling));
    assert_eq!((rate.throttling(), rate.end_throttling()), (None, None));
    // A long rest is no end.
    rate.slow_down(Some(600_000));
    sleep(Duration::from_secs(590)).await;
    assert!(rate.end_throttling().is_none() && rate.throttling().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_single_refusal_limits_the_rate_only_while_calls_rest() {
    let rate = rate();
    let second = || sleep(Duration::from_millis(1_100));
    for _ in 0..2 {
        rate.slow_down(None);
        assert!(rate.is_throttled());
        second().await;
        rate.end_slowdown();
        assert!(!rate.is_throttled());
    }
    // An API that refuses again and again limits the rate between its refusals, too.
    rate.slow_down(None);
    second().await;
    assert!(rate.is_throttled());
    sleep(Duration::from_secs(5)).await;
    assert!(!rate.is_throttled());
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_are_counted() {
    let settings = RateSettings { create_per_second: 0.1, ..SETTINGS };
    let rate = CallRate::new(&settings, QUERY_REST_MAX);
    rate.ready(CallKind::Create).await;
    assert_eq!(rate.waiting(CallKind::Create), 0);
    let waited = tokio::time::timeout(Duration::from_secs(1), async {
        let both =
            futures_util::future::join(rate.ready(CallKind::Create), rate.ready(CallKind::Create));
        futures_util::future::select(
            std::pin::pin!(both),
            std::pin::pin!(async {
                tokio::task::yield_now().await;
                assert_eq!(rate.waiting(CallKind::Create), 2);
                std::future::pending::<()>().await;
            }),
        )
        .await;
    });
    assert!(waited.await.is_err());
    // A step that is dropped no longer waits.
    assert_eq!(rate.waiting(CallKind::Create), 0);
}

#[tokio::test(start_paused = true)]
async fn queries_continue_while_paid_calls_still_rest() {
    let (rate, began) = (rate(), Instant::now());
    rate.slow_down(Some(600_000));
    rate.ready(CallKind::Query).await;
    assert_eq!(began.elapsed(), QUERY_REST_MAX);
    // An answer does not end the rest of the paid calls.
    rate.end_slowdown();
    rate.ready(CallKind::Create).await;
    assert_eq!(began.elapsed().as_secs(), 600);
}

#[tokio::test(start_paused = true)]
async fn the_api_cannot_ask_for_more_than_an_hour() {
    for asked_ms in [3_600_001, i64::from(u32::MAX) * 1_000, i64::MAX] {
        let (paid, queries) = (Duration::from_secs(3_600), QUERY_REST_MAX);
        assert_eq!(rate().slow_down(Some(asked_ms)), Rest { paid, queries });
    }
    assert_eq!(rate().slow_down(Some(i64::MIN)).paid, Duration::from_secs(1));
}
