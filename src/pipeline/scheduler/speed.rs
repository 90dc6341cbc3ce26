//! What limits how fast jobs finish: found out after each dispatch, and saved for the reasons of jobs and for `status`.
//! Logs when the API begins to limit the rate of calls, and later that it stopped, with the number of refusals.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::{Pipeline, StepKind};
use crate::{
    job::State,
    kling::Api,
    pipeline::{CallKind, Throttling},
    store::{SpeedLimit, SpeedLimits, StoreError},
};

/// The limits change with each call. They are saved at most this often.
const SAVED_EVERY: Duration = Duration::from_secs(1);
/// Downloads limit the queue while more results than this number of rounds wait.
const ROUNDS_OF_DOWNLOADS: usize = 3;

impl<A: Api> Pipeline<A> {
    /// Saves what limits the queue, if that has changed.
    pub(super) async fn save_speed(&mut self) -> Result<(), StoreError> {
        self.log_throttling().await?;
        let now = Instant::now();
        if self.speed.next_at.is_some_and(|at| at > now) {
            return Ok(());
        }
        let limits = self.speed_limits();
        if self.speed.limits.as_ref() == Some(&limits) {
            // Nothing to compare until the next turn.
            self.speed.next_at = None;
            return Ok(());
        }
        self.speed.next_at = Some(now + SAVED_EVERY);
        self.speed.limits = Some(limits.clone());
        self.context.store.set_speed_limits(limits).await
    }

    fn speed_limits(&self) -> SpeedLimits {
        let (rate, settings) = (&self.context.rate, &self.context.settings);
        let waits = |kind| rate.waiting(kind) > 0;
        let (creates_wait, identifies_wait) = (waits(CallKind::Create), waits(CallKind::Identify));
        let lookups_wait = self.steps.count(StepKind::Create) > 0 && waits(CallKind::Query);
        let (results, at_once) = (self.queues.count(State::Downloading), settings.downloads);
        let is_throttled = rate.is_throttled();
        // Calls wait for the API then, and not for the configured rates.
        let own = |waits: bool| waits && !is_throttled;
        let create = self.create_limit(own(creates_wait), own(lookups_wait));
        let identify = own(identifies_wait).then(|| {
            let per_second = settings.rate.identify_per_second;
            format!("rate limit of identify ({per_second} per second, limits.identify_per_second)")
        });
        SpeedLimits {
            queue: if is_throttled && (creates_wait || identifies_wait) {
                Some(SpeedLimit::Api)
            } else if results > at_once * ROUNDS_OF_DOWNLOADS {
                Some(SpeedLimit::Downloads)
            } else if creates_wait {
                Some(SpeedLimit::CreateRate)
            } else if lookups_wait {
                Some(SpeedLimit::QueryRate)
            } else if !self.account.slots.is_open() && self.queues.count_ahead() > 0 {
                Some(SpeedLimit::Slots)
            } else if identifies_wait {
                Some(SpeedLimit::IdentifyRate)
            } else {
                self.queues.has_only_uploads().then_some(SpeedLimit::Uploads)
            },
            // While enough tasks wait for their create request, no more videos are identified.
            identify: identify.or_else(|| create.clone().filter(|_| self.is_window_full())),
            create,
            download: (results > at_once)
                .then(|| format!("at most {at_once} at once, download.concurrency")),
        }
    }

    /// Returns what identified tasks wait for beside slots.
    fn create_limit(&self, creates_wait: bool, lookups_wait: bool) -> Option<String> {
        let rate = &self.context.settings.rate;
        if creates_wait {
            let per_second = rate.create_per_second;
            Some(format!(
                "rate limit of create ({per_second} per second, limits.create_per_second)"
            ))
        } else if lookups_wait {
            let per_second = rate.query_per_second;
            Some(format!(
                "rate limit of queries ({per_second} per second, limits.query_per_second)"
            ))
        } else {
            self.account.slots.blocked_until.map(|until| self.refused_slot(until))
        }
    }

    /// Whether no more videos are identified, because enough tasks wait for their create request.
    fn is_window_full(&self) -> bool {
        self.queues.count_ahead() >= self.account.slots.limit
    }

    fn refused_slot(&self, until: Instant) -> String {
        let wait = i64::try_from((until - Instant::now()).as_millis()).unwrap_or(i64::MAX);
        let at_ms = self.context.clock.now_ms().saturating_add(wait);
        let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
        format!(
            "the account refused another task at once (code 1303); the next create request is sent at {}",
            at.strftime("%Y-%m-%dT%H:%M:%SZ")
        )
    }

    /// Logs a time of many refusals once, with their number at its end.
    async fn log_throttling(&mut self) -> Result<(), StoreError> {
        if let Some(ended) = self.context.rate.end_throttling() {
            self.speed.is_throttling_logged = false;
            log_refusals(&ended);
            return self.context.store.end_rate_limit().await;
        }
        if self.context.rate.throttling().is_some() && !self.speed.is_throttling_logged {
            self.speed.is_throttling_logged = true;
            info!(
                "rate limited by the API: calls rest after each refusal; `lipsyncd status` shows how often"
            );
        }
        Ok(())
    }

    /// Logs the refusals so far, because the daemon ends.
    pub(super) fn log_last_refusals(&self) {
        let throttling = self.context.rate.throttling();
        throttling.filter(|_| self.speed.is_throttling_logged).iter().for_each(log_refusals);
    }
}

fn log_refusals(throttling: &Throttling) {
    let (times, seconds) = (throttling.times, throttling.length().as_secs());
    let calls = if times == 1 { "call" } else { "calls" };
    info!(times, seconds, "rate limited by the API: it refused {times} {calls} within {seconds} s");
}
