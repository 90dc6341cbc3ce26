//! What all steps share: the API, the store, the clock, and what is known of the account's lookups.

use std::{
    future::Future,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{FolderCache, FreeOutputs, NotFoundTimer};
use crate::{
    kling::{Api, Reply},
    pipeline::{AccountSignal, CallKind, CallRate, Clock, MonitoredApi, Rest, Settings},
    store::{Lookups, RateLimit, Store, StoreError},
};

/// How often a query is sent while the API replies that it is rate limited.
const QUERY_TRIES: u32 = 4;
/// The longest rest of queries, in units of `poll.max_interval`.
pub(crate) const POLLS_PER_REST: u32 = 10;
/// After a request for a longer pause than this, the query fails and its task rests.
const QUERY_PAUSE_MAX_MS: i64 = 10_000;

pub(crate) struct StepContext<A> {
    pub(crate) api: MonitoredApi<A>,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) rate: CallRate,
    pub(crate) not_found_timer: NotFoundTimer,
    pub(crate) in_flight: InFlight,
    pub(crate) folder_cache: FolderCache,
    pub(crate) free_outputs: FreeOutputs,
    /// How the account answers lookups by name. The store has the same.
    lookups: Mutex<Lookups>,
    /// Whether the server answers a name that it does not know with an error.
    pub(crate) unknown_names_fail: AtomicBool,
}

impl<A> StepContext<A> {
    pub(crate) fn new(
        api: A,
        store: Store,
        clock: Clock,
        settings: Settings,
        lookups: Lookups,
    ) -> Self {
        Self {
            api: MonitoredApi::new(api, settings.metrics.clone()),
            rate: CallRate::new(&settings.rate, query_rest_max(&settings)),
            store,
            clock,
            settings,
            not_found_timer: NotFoundTimer::default(),
            in_flight: InFlight::default(),
            folder_cache: FolderCache::default(),
            free_outputs: FreeOutputs::default(),
            lookups: Mutex::new(lookups),
            unknown_names_fail: AtomicBool::new(false),
        }
    }

    pub(crate) fn lookups(&self) -> Lookups {
        *self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes calls rest after the API limited their rate, and saves until when.
    pub(crate) async fn slow_down(
        &self,
        code: Option<i64>,
        retry_after_ms: Option<i64>,
    ) -> Result<Rest, StoreError> {
        let rest = self.rate.slow_down(retry_after_ms);
        let now_ms = self.clock.now_ms();
        let end_ms = |rest: Duration| {
            now_ms.saturating_add(i64::try_from(rest.as_millis()).unwrap_or(i64::MAX))
        };
        let (paid_until_ms, queries_until_ms) = (end_ms(rest.paid), end_ms(rest.queries));
        let throttling = self.rate.throttling();
        let ago = throttling.map_or(Duration::ZERO, |throttling| throttling.length());
        let limit = RateLimit {
            code,
            paid_until_ms,
            queries_until_ms,
            since_ms: now_ms.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)),
            times: throttling.map_or(1, |throttling| i64::from(throttling.times)),
        };
        self.store.set_rate_limit(limit).await?;
        Ok(rest)
    }

    /// Keeps what was learned about the account's lookups.
    pub(crate) async fn learn_lookups(&self, learned: Lookups) -> Result<(), StoreError> {
        if self.lookups() == learned {
            return Ok(());
        }
        *self.lookups.lock().unwrap_or_else(PoisonError::into_inner) = learned;
        self.store.learn_lookups(&self.settings.account, learned).await
    }
}

/// The longest rest of queries. Whatever the API asks for, tasks that are paid for are queried again after this time.
pub(crate) fn query_rest_max(settings: &Settings) -> Duration {
    Duration::from_millis(settings.poll_max_ms.max(1).unsigned_abs()) * POLLS_PER_REST
}

impl<A: Api> StepContext<A> {
    /// Sends a query, and again after a pause if it was rate limited. Otherwise a step of several queries would never
    /// end on an account that allows few calls per second.
    pub(crate) async fn query<T, F>(&self, call: impl Fn() -> F) -> Reply<T>
    where
        F: Future<Output = Reply<T>>,
    {
        for _ in 1..QUERY_TRIES {
            self.rate.ready(CallKind::Query).await;
            let reply = call().await;
            let pause_ms = match reply.result.as_ref().err().and_then(AccountSignal::of_query) {
                Some(AccountSignal::RateLimited { retry_after_ms, .. }) => {
                    retry_after_ms.unwrap_or(0)
                }
                None if reply.answer.http_status.is_some() => {
                    self.rate.end_slowdown();
                    return reply;
                }
                _ => return reply,
            };
            if pause_ms > QUERY_PAUSE_MAX_MS {
                return reply;
            }
            self.rate.slow_down(Some(pause_ms));
        }
        self.rate.ready(CallKind::Query).await;
        call().await
    }
}

/// Counts the create requests in flight: sent, and their reply not recorded yet. A task at Kling that belongs to no job
/// may be the task of one of them.
#[derive(Debug, Default)]
pub(crate) struct InFlight(AtomicUsize);

pub(crate) struct InFlightGuard<'a>(&'a InFlight);

impl InFlight {
    pub(crate) fn start(&self) -> InFlightGuard<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        InFlightGuard(self)
    }

    pub(crate) fn is_any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}
