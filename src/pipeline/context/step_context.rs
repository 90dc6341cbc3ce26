//! What all steps share: the API, the store, the clock, and what is known of the account's lookups.

use std::{
    future::Future,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    kling::{Api, Reply},
    pipeline::{
        account_signal::AccountSignal,
        clock::Clock,
        context::{folder_cache::FolderCache, in_flight::InFlight, not_found_timer::NotFoundTimer},
        limits::{
            monitored_api::MonitoredApi,
            rate::{CallKind, CallRate},
        },
        settings::Settings,
    },
    store::{Lookups, Store, StoreError},
};

/// How often a query is sent while the API replies that it is rate limited.
const QUERY_TRIES: u32 = 4;
/// After a request for a longer pause than this, the query fails and its task rests.
const QUERY_PAUSE_MAX_MS: i64 = 10_000;

/// What all steps share.
pub(crate) struct StepContext<A> {
    pub(crate) api: MonitoredApi<A>,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) rate: CallRate,
    pub(crate) not_found_timer: NotFoundTimer,
    /// Create requests whose reply is not recorded yet.
    pub(crate) in_flight: InFlight,
    pub(crate) folder_cache: FolderCache,
    /// How the account answers lookups by name. The store has the same.
    lookups: Mutex<Lookups>,
    unknown_names_fail: AtomicBool,
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
            rate: CallRate::new(&settings.rate),
            store,
            clock,
            settings,
            not_found_timer: NotFoundTimer::default(),
            in_flight: InFlight::default(),
            folder_cache: FolderCache::default(),
            lookups: Mutex::new(lookups),
            unknown_names_fail: AtomicBool::new(false),
        }
    }

    /// Returns how the account answers lookups by name.
    pub(crate) fn lookups(&self) -> Lookups {
        *self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was learned about the account's lookups.
    pub(crate) async fn learn_lookups(&self, learned: Lookups) -> Result<(), StoreError> {
        if self.lookups() == learned {
            return Ok(());
        }
        *self.lookups.lock().unwrap_or_else(PoisonError::into_inner) = learned;
        self.store.learn_lookups(&self.settings.account, learned).await
    }

    /// Whether the server answers a name that it does not know with an error.
    pub(crate) fn do_unknown_names_fail(&self) -> bool {
        self.unknown_names_fail.load(Ordering::Relaxed)
    }

    pub(crate) fn set_unknown_names_fail(&self) {
        self.unknown_names_fail.store(true, Ordering::Relaxed);
    }
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
                Some(AccountSignal::RateLimited { retry_after_ms }) => retry_after_ms.unwrap_or(0),
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
