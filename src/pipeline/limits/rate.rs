//! The account's rate limits: calls per second of each kind, and a rest of all calls after a 1302.
//!
//! Queries rest for a limited time, whatever the API asks for: tasks that are paid for are always followed.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock as _,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{job::retry::ASKED_MAX_MS, pipeline::RateSettings};

type Limiter = RateLimiter<NotKeyed, InMemoryState, Monotonic, NoOpMiddleware<Nanos>>;

/// The longest rest after a row of 1302 replies, unless the API asks for a longer one.
const SLOWDOWN_MAX: Duration = Duration::from_secs(60);

/// The clock of tokio's timers, for governor: the limiter and the sleep that waits for it must agree on the time.
#[derive(Debug, Clone, Copy)]
struct Monotonic {
    start: Instant,
}

impl Monotonic {
    fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl governor::clock::Clock for Monotonic {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.start.elapsed().into()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    Identify,
    Create,
    Query,
}

pub(crate) struct CallRate {
    identify: Limiter,
    create: Limiter,
    query: Limiter,
    clock: Monotonic,
    query_rest_max: Duration,
    slowdown: Mutex<Slowdown>,
}

#[derive(Default)]
struct Slowdown {
    /// The end of the rest of paid calls, which is never before that of queries.
    paid_until: Option<Instant>,
    queries_until: Option<Instant>,
    in_a_row: u32,
}

/// For how long calls rest from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) paid: Duration,
    pub(crate) queries: Duration,
}

impl CallRate {
    /// Queries never rest for longer than `query_rest_max`.
    pub(crate) fn new(settings: &RateSettings, query_rest_max: Duration) -> Self {
        let clock = Monotonic::new();
        Self {
            identify: limiter(settings.identify_per_second, clock),
            create: limiter(settings.create_per_second, clock),
            query: limiter(settings.query_per_second, clock),
            clock,
            query_rest_max,
            slowdown: Mutex::default(),
        }
    }

    pub(crate) async fn ready(&self, kind: CallKind) {
        loop {
            let until = self.rests_until(kind);
            if let Some(until) = until.filter(|until| *until > Instant::now()) {
                sleep_until(until).await;
                continue;
            }
            let limiter = match kind {
                CallKind::Identify => &self.identify,
                CallKind::Create => &self.create,
                CallKind::Query => &self.query,
            };
            // Not `until_ready`, which sleeps on a thread of its own.
            match limiter.check() {
                Ok(()) => return,
                Err(not_yet) => sleep(not_yet.wait_time_from(self.clock.now())).await,
            }
        }
    }

    fn rests_until(&self, kind: CallKind) -> Option<Instant> {
        let slowdown = self.slowdown();
        match kind {
            CallKind::Identify | CallKind::Create => slowdown.paid_until,
            CallKind::Query => slowdown.queries_until,
        }
    }

    /// Makes all calls rest after a 1302, longer each time in a row.
    pub(crate) fn slow_down(&self, retry_after_ms: Option<i64>) -> Rest {
        let mut slowdown = self.slowdown();
        let asked_ms = retry_after_ms.unwrap_or(0).clamp(0, ASKED_MAX_MS);
        let asked = Duration::from_millis(asked_ms.unsigned_abs());
        let grown = Duration::from_secs(1) * 2_u32.pow(slowdown.in_a_row.min(6));
        let rest = asked.max(grown).min(SLOWDOWN_MAX.max(asked));
        let now = Instant::now();
        let paid_until = slowdown.paid_until.max(Some(now + rest));
        let queries_until = slowdown.queries_until.max(Some(now + rest.min(self.query_rest_max)));
        slowdown.paid_until = paid_until;
        slowdown.queries_until = queries_until;
        slowdown.in_a_row = slowdown.in_a_row.saturating_add(1);
        let left = |until: Option<Instant>| until.map_or(rest, |until| until - now);
        Rest { paid: left(paid_until), queries: left(queries_until) }
    }

    /// A call was answered: the next slowdown starts small again.
    pub(crate) fn end_slowdown(&self) {
        let mut slowdown = self.slowdown();
        if slowdown.paid_until.is_none_or(|until| until <= Instant::now()) {
            *slowdown = Slowdown::default();
        }
    }

    fn slowdown(&self) -> MutexGuard<'_, Slowdown> {
        self.slowdown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limiter(per_second: f64, clock: Monotonic) -> Limiter {
    let period = Duration::from_secs_f64(1.0 / per_second.clamp(1e-6, 1e6));
    let quota =
        Quota::with_period(period).unwrap_or(Quota::per_second(std::num::NonZero::<u32>::MIN));
    // Without a burst: with one, the first second would see nearly twice as many calls.
    let burst = std::num::NonZero::<u32>::MIN;
    RateLimiter::direct_with_clock(quota.allow_burst(burst), clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY_REST_MAX: Duration = Duration::from_secs(300);

    fn rate() -> CallRate {
        let settings = RateSettings {
            identify_per_second: 1_000.0,
            create_per_second: 1_000.0,
            query_per_second: 1_000.0,
        };
        CallRate::new(&settings, QUERY_REST_MAX)
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_calls_than_configured_not_even_the_first() {
        let settings = RateSettings {
            identify_per_second: 20.0,
            create_per_second: 20.0,
            query_per_second: 20.0,
        };
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
        let rate = rate();
        let slowed: Vec<u64> = (0..8).map(|_| rate.slow_down(None).paid.as_secs()).collect();
        assert_eq!(slowed, [1, 2, 4, 8, 16, 32, 60, 60]);
        rate.ready(CallKind::Query).await;
        rate.end_slowdown();
        assert_eq!(rate.slow_down(None).paid.as_secs(), 1);
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
}
