//! The account's rate limits: calls per second of each kind, and a rest of all calls after a 1302. Knows how many calls
//! wait, and how often the API limited their rate.
//!
//! Queries rest for a limited time, whatever the API asks for: tasks that are paid for are always followed.

use std::{
    collections::VecDeque,
    num::NonZero,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock as _,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::{
    sync::Mutex as AsyncMutex,
    time::{Instant, sleep, sleep_until},
};

use crate::{job::retry::ASKED_MAX_MS, pipeline::RateSettings};

type Limiter = RateLimiter<NotKeyed, InMemoryState, Monotonic, NoOpMiddleware<Nanos>>;

/// tokio's timers are no finer.
const SLEEP_MIN: Duration = Duration::from_millis(1);
/// The longest rest after a row of 1302 replies, unless the API asks for a longer one.
const SLOWDOWN_MAX: Duration = Duration::from_secs(60);
/// After so long without a 1302, the API does not limit the rate any more.
const QUIET_AFTER: Duration = Duration::from_secs(60);
/// The next refusal of an API that limits the rate comes at most so long after the rest.
const REFUSED_AFTER: Duration = Duration::from_secs(5);
/// Between two rests, the API limits the rate if it refused so many calls within [`REFUSALS_WITHIN`]. A single refusal does
/// not: the calls after it wait for something else.
const REFUSALS_MIN: usize = 3;
const REFUSALS_WITHIN: Duration = Duration::from_secs(30);

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

/// The calls of one kind.
struct Calls {
    limiter: Limiter,
    /// Locked by the call whose turn it is. The others wait in the order in which they came, without timers.
    turn: AsyncMutex<()>,
    /// How many calls wait.
    waiting: AtomicUsize,
}

/// Counts a call while it waits, also if the step is dropped.
struct WaitingGuard<'a>(&'a AtomicUsize);

impl Drop for WaitingGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(crate) struct CallRate {
    identify: Calls,
    create: Calls,
    query: Calls,
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
    throttling: Option<Throttling>,
    /// The last [`REFUSALS_MIN`] refusals, the oldest first.
    refusals: VecDeque<Instant>,
}

impl Slowdown {
    fn is_often(&self, now: Instant) -> bool {
        let first = self.refusals.front().filter(|_| self.refusals.len() == REFUSALS_MIN);
        first.is_some_and(|first| now - *first < REFUSALS_WITHIN)
    }
}

/// A time in which the API limits the rate of calls again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Throttling {
    pub(crate) since: Instant,
    /// The last refusal.
    last: Instant,
    /// How many refusals there were.
    pub(crate) times: u32,
}

impl Throttling {
    /// How long it lasted, or has lasted.
    pub(crate) fn length(&self) -> Duration {
        self.last - self.since
    }
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
            identify: calls(settings.identify_per_second, clock),
            create: calls(settings.create_per_second, clock),
            query: calls(settings.query_per_second, clock),
            clock,
            query_rest_max,
            slowdown: Mutex::default(),
        }
    }

    pub(crate) async fn ready(&self, kind: CallKind) {
        let calls = self.calls(kind);
        calls.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = WaitingGuard(&calls.waiting);
        let _turn = calls.turn.lock().await;
        loop {
            let until = self.rests_until(kind);
            if let Some(until) = until.filter(|until| *until > Instant::now()) {
                sleep_until(until).await;
                continue;
            }
            // Not `until_ready`, which sleeps on a thread of its own.
            match calls.limiter.check() {
                Ok(()) => return,
                Err(not_yet) => sleep(not_yet.wait_time_from(self.clock.now())).await,
            }
        }
    }

    /// Returns how many calls of this kind wait for their time.
    pub(crate) fn waiting(&self, kind: CallKind) -> usize {
        self.calls(kind).waiting.load(Ordering::Acquire)
    }

    /// Returns the time in which the API limits the rate of calls, until [`end_throttling`](Self::end_throttling).
    pub(crate) fn throttling(&self) -> Option<Throttling> {
        self.slowdown().throttling
    }

    /// Whether the API, and not the configured rate, makes paid calls wait.
    pub(crate) fn is_throttled(&self) -> bool {
        let (slowdown, now) = (self.slowdown(), Instant::now());
        let grace = if slowdown.is_often(now) { REFUSED_AFTER } else { Duration::ZERO };
        slowdown.paid_until.is_some_and(|until| until + grace > now)
    }

    /// Ends that time if the API has not limited the rate for a minute. Returns it once.
    pub(crate) fn end_throttling(&self) -> Option<Throttling> {
        let mut slowdown = self.slowdown();
        let quiet_at = (slowdown.throttling?.last + QUIET_AFTER).max(slowdown.paid_until?);
        if quiet_at > Instant::now() {
            return None;
        }
        slowdown.throttling.take()
    }

    fn calls(&self, kind: CallKind) -> &Calls {
        match kind {
            CallKind::Identify => &self.identify,
            CallKind::Create => &self.create,
            CallKind::Query => &self.query,
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
        let now = Instant::now();
        // Calls that were sent before the rest began say nothing new.
        let rests = slowdown.queries_until.is_some_and(|until| until > now);
        let grown = match rests {
            true => Duration::ZERO,
            false => Duration::from_secs(1) * 2_u32.pow(slowdown.in_a_row.min(6)),
        };
        let rest = asked.max(grown).min(SLOWDOWN_MAX.max(asked));
        let paid_until = slowdown.paid_until.max(Some(now + rest));
        let queries_until = slowdown.queries_until.max(Some(now + rest.min(self.query_rest_max)));
        slowdown.paid_until = paid_until;
        slowdown.queries_until = queries_until;
        slowdown.in_a_row = slowdown.in_a_row.saturating_add(u32::from(!rests));
        if slowdown.refusals.len() == REFUSALS_MIN {
            slowdown.refusals.pop_front();
        }
        slowdown.refusals.push_back(now);
        let throttling =
            slowdown.throttling.unwrap_or(Throttling { since: now, last: now, times: 0 });
        let times = throttling.times.saturating_add(1);
        slowdown.throttling = Some(Throttling { last: now, times, ..throttling });
        let left = |until: Option<Instant>| until.map_or(rest, |until| until - now);
        Rest { paid: left(paid_until), queries: left(queries_until) }
    }

    /// A call was answered: the next slowdown starts small again.
    pub(crate) fn end_slowdown(&self) {
        let mut slowdown = self.slowdown();
        if slowdown.paid_until.is_none_or(|until| until <= Instant::now()) {
            slowdown.in_a_row = 0;
        }
    }

    fn slowdown(&self) -> MutexGuard<'_, Slowdown> {
        self.slowdown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn calls(per_second: f64, clock: Monotonic) -> Calls {
    let period = Duration::from_secs_f64(1.0 / per_second.clamp(1e-6, 1e6));
    let quota = Quota::with_period(period).unwrap_or(Quota::per_second(NonZero::<u32>::MIN));
    // A burst is as many calls as fit into the shortest sleep, mostly one: with a larger one, the first second would see
    // nearly twice as many calls.
    let burst = (per_second * SLEEP_MIN.as_secs_f64()).clamp(1.0, 1e3) as u32;
    let burst = NonZero::new(burst).unwrap_or(NonZero::<u32>::MIN);
    let limiter = RateLimiter::direct_with_clock(quota.allow_burst(burst), clock);
    Calls { limiter, turn: AsyncMutex::default(), waiting: AtomicUsize::new(0) }
}

#[cfg(test)]
mod tests;
