//! The main loop: starts steps, and applies what each of them reports at its end.
//!
//! The loop never waits for the network or the output disk. Steps do that, each as a task of the runtime.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Pipeline, StepKind};
use crate::{failpoint, kling::Api, store::StoreError};

/// How long the end of the daemon waits for steps that may have paid to record their outcome.
const DRAIN: Duration = Duration::from_secs(8);
/// The longest sleep, so that a change of the wall clock is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(10);
/// A run that ends when idle does not wait for a task after this number of failures in a row.
const ONCE_TRIES_MAX: u32 = 6;

/// How long to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until it is stopped.
    Stopped,
    /// Until nothing is left that continues automatically.
    Idle,
}

/// Why the pipeline ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was stopped.
    Stopped,
    /// Nothing is left that continues automatically.
    Idle,
    /// The queue is paused, the daily budget is reached, or the bucket refuses uploads, and no step is in progress.
    Held,
}

/// How the scheduler shows a watchdog, turn by turn, that it is alive.
#[derive(Clone, Copy)]
pub struct Heartbeat<'a> {
    /// The longest time between two beats; none: as the scheduler needs.
    pub every: Option<Duration>,
    /// Called once per turn by the scheduler itself, and by nothing else, so that a hang is noticed.
    pub beat: &'a (dyn Fn() + Send + Sync),
}

impl Heartbeat<'_> {
    /// Without a watchdog.
    pub const NONE: Self = Self { every: None, beat: &|| {} };
}

impl<A: Api> Pipeline<A> {
    /// Works until `until`, or until `stop`. `wake_up` says that the database has something new. `more_to_come` keeps
    /// a run that ends when idle from ending too early.
    pub async fn run(
        mut self,
        wake_up: Arc<Notify>,
        stop: CancellationToken,
        until: Until,
        more_to_come: Arc<AtomicBool>,
        heartbeat: Heartbeat<'_>,
    ) -> Result<End, StoreError> {
        let sleep_max = heartbeat.every.map_or(SLEEP_MAX, |every| every.min(SLEEP_MAX));
        let end = loop {
            failpoint::stall().await;
            (heartbeat.beat)();
            self.context.settings.metrics.record_scheduler_turn();
            // Read before the database is: what arrives after that read sets it again.
            let more = more_to_come.load(Ordering::Acquire);
            self.turn().await?;
            if until == Until::Idle
                && !more
                && let Some(end) = self.end_when_idle().await?
            {
                break end;
            }
            let wake_at = self.next_wake(sleep_max);
            tokio::select! {
                biased;
                () = stop.cancelled() => break End::Stopped,
                Some(ended) = self.steps.next() => {
                    self.step_ended(ended).await?;
                    while let Some(ended) = self.steps.try_next() {
                        self.step_ended(ended).await?;
                    }
                }
                () = wake_up.notified() => self.prefetch.is_stale = true,
                () = sleep_until(wake_at) => {}
            }
        };
        self.drain().await;
        Ok(end)
    }

    /// Brings memory up to date with the database, and starts what may start.
    async fn turn(&mut self) -> Result<(), StoreError> {
        self.wake();
        self.read_database().await?;
        self.deliveries.read(&self.context).await?;
        self.read_budget().await?;
        self.check_api().await?;
        self.dispatch();
        self.save_hold().await?;
        self.save_speed().await
    }

    fn wake(&mut self) {
        let now_ms = self.context.clock.now_ms();
        let policy = &self.context.settings.policy;
        self.queues.wake(policy, now_ms);
        // Not left to `wake_up`: a run that ends when idle may come here first.
        let is_scanned = self.context.settings.is_scanned.load(Ordering::Acquire);
        if is_scanned && !self.account.gate.is_scanned {
            self.prefetch.is_stale = true;
        }
        self.prefetch.wake(policy, now_ms);
    }

    async fn read_database(&mut self) -> Result<(), StoreError> {
        let (prefetch, memory) = self.prefetch_and_memory();
        if prefetch.is_read_due(&memory) {
            self.deliveries.is_stale = true;
            self.account.budget.is_stale = true;
            self.read_pause().await?;
            self.read_scanned();
            let (prefetch, mut memory) = self.prefetch_and_memory();
            prefetch.read(&mut memory).await?;
        }
        let (prefetch, mut memory) = self.prefetch_and_memory();
        prefetch.refill(&mut memory).await
    }

    async fn end_when_idle(&self) -> Result<Option<End>, StoreError> {
        let is_busy = self.steps.any(|kind| kind != StepKind::LearnLookups);
        // A task that Kling has not shown for long does not keep the run, but is polled once.
        let is_to_be_polled = !self.polling.has_polled && self.next_poll_at().is_some();
        if is_busy || self.prefetch.is_stale || is_to_be_polled {
            return Ok(None);
        }
        let (store, now_ms) = (&self.context.store, self.context.clock.now_ms());
        let (unsent, sent) = store.count_moving(ONCE_TRIES_MAX, self.started_at_ms, now_ms).await?;
        let held = i64::try_from(self.count_held_resends()).unwrap_or(i64::MAX);
        Ok(match (unsent, sent) {
            (false, 0) => Some(End::Idle),
            _ if self.are_credentials_refused() => Some(End::Held),
            _ if self.is_only_upload_left() && sent <= held => Some(End::Held),
            _ if self.is_held() && sent <= held => Some(End::Held),
            _ => None,
        })
    }

    /// Whether no paid call may start.
    fn is_held(&self) -> bool {
        !self.account.gate.allows_paid_calls() || self.account.budget.is_holding()
    }

    /// Whether the API still refuses the credentials after a probe.
    fn are_credentials_refused(&self) -> bool {
        let gate = &self.account.gate;
        let since_ms = gate.pause.as_ref().map_or(i64::MAX, |pause| pause.since_ms);
        let paused_ms = self.context.clock.now_ms().saturating_sub(since_ms);
        !gate.allows_queries() && paused_ms >= self.context.settings.probe_interval_ms
    }

    fn next_wake(&self, sleep_max: Duration) -> Instant {
        let (now, now_ms) = (Instant::now(), self.context.clock.now_ms());
        let at = |at_ms: i64| {
            now + Duration::from_millis(at_ms.saturating_sub(now_ms).max(0).unsigned_abs())
        };
        [
            self.queues.next_wake_ms().map(at),
            self.prefetch.next_due_at_ms.map(at),
            self.next_poll_at(),
            self.account.gate.next_probe_at().filter(|_| self.may_probe()),
            self.account.slots.blocked_until,
            self.upload_gate.next_at().filter(|_| self.queues.count_uploads() > 0),
            self.next_lookups_at(),
            self.speed.next_at,
        ]
        .into_iter()
        .flatten()
        .fold(now + sleep_max, Instant::min)
    }

    /// Lets steps that may have paid record the outcome, and drops the other steps: the next start continues from the
    /// database.
    async fn drain(mut self) {
        self.account.forbid_paid_calls();
        self.log_last_refusals();
        let deadline = Instant::now() + DRAIN;
        while self.steps.any(StepKind::may_have_paid) {
            match timeout_at(deadline, self.steps.next()).await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => {
                    info!("ending with requests in flight: the next start looks them up");
                    break;
                }
            }
        }
        self.steps.shutdown().await;
    }
}
