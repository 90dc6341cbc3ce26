//! What an answer says about the whole account, heeded: slots, pace, pauses and the probes that end them.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::{
    job::{TaskId, retry::delay_ms},
    kling::{Api, ApiError},
    pipeline::{limits::pause_gate::PendingProbe, scheduler::Pipeline, step::AccountSignal},
    store::{Pause, PauseKind, StoreError},
};

impl<A: Api> Pipeline<A> {
    /// Does what an answer says about the whole account.
    pub(crate) async fn apply_signal(
        &mut self,
        id: Option<TaskId>,
        signal: AccountSignal,
    ) -> Result<(), StoreError> {
        match signal {
            AccountSignal::Answered => self.context.rate.went_through(),
            AccountSignal::Transferred => {
                self.context.rate.went_through();
                self.look_again = true;
            }
            AccountSignal::QueuePaused => {
                self.read_pause().await?;
                self.update_gate();
            }
            AccountSignal::Identified => {
                self.context.rate.went_through();
                self.budget.is_stale = true;
                self.probe_succeeded(id).await?;
            }
            AccountSignal::Created => {
                self.context.rate.went_through();
                self.slots_refused_in_a_row = 0;
                if let Some(limit) = self.slots.went_through() {
                    self.learnt_slots(limit).await?;
                }
                self.probe_succeeded(id).await?;
            }
            AccountSignal::RateLimited { retry_after_ms } => {
                let pause = self.context.rate.slow_down(retry_after_ms);
                info!(code = 1302, "the API says too fast: all calls wait {pause:?}");
                self.probe_again_later().await?;
            }
            AccountSignal::SlotsFull { retry_after_ms } => {
                self.slots_full(id, retry_after_ms).await?
            }
            AccountSignal::PauseRequired { kind, reason, code, request_id } => {
                self.pause(kind, reason, code, request_id.as_deref()).await?;
            }
        }
        Ok(())
    }

    async fn slots_full(
        &mut self,
        id: Option<TaskId>,
        retry_after_ms: Option<i64>,
    ) -> Result<(), StoreError> {
        self.probe_again_later().await?;
        let Some(id) = id.filter(|id| self.slots.holds(*id)) else {
            // No slot was asked for: like 1302, it can only mean to come later.
            self.context.rate.slow_down(retry_after_ms);
            return Ok(());
        };
        self.slots_refused_in_a_row = self.slots_refused_in_a_row.saturating_add(1);
        let moment = self.context.clock.moment();
        let policy = &self.context.settings.policy;
        let grown_ms = delay_ms(policy, self.slots_refused_in_a_row.min(6), moment.chance);
        let asked_ms = retry_after_ms.unwrap_or(0).min(policy.longest_rest_ms());
        let wait_ms = grown_ms.max(asked_ms);
        self.slots_blocked = Some(Instant::now() + Duration::from_millis(wait_ms.unsigned_abs()));
        match self.slots.refused(id) {
            Some(limit) => {
                info!(code = 1303, limit, "the account takes no more tasks at once than {limit}");
                self.learnt_slots(limit).await
            }
            None => Ok(()),
        }
    }

    async fn learnt_slots(&mut self, limit: usize) -> Result<(), StoreError> {
        self.context.store.set_slots_limit(&self.context.settings.account, limit).await
    }

    async fn pause(
        &mut self,
        kind: PauseKind,
        reason: String,
        code: Option<i64>,
        request_id: Option<&str>,
    ) -> Result<(), StoreError> {
        let now_ms = self.context.clock.now_ms();
        let before = self.pause_gate.pause();
        if before.is_some_and(|pause| pause.kind == PauseKind::Person) {
            return Ok(());
        }
        let since_ms = match before {
            Some(pause) if pause.kind == kind => pause.since_ms,
            _ => {
                warn!(code, request_id, "the line is paused: {reason}");
                now_ms
            }
        };
        let interval_ms = self.context.settings.probe_interval_ms;
        let next_probe_at_ms = Some(now_ms.saturating_add(interval_ms));
        let pause = Pause { kind, reason, code, since_ms, next_probe_at_ms };
        self.context.store.set_pause(Some(pause.clone())).await?;
        self.pause_gate.set(Some(pause));
        self.probe_again_later().await?;
        self.update_gate();
        Ok(())
    }

    pub(crate) async fn resume(&mut self) -> Result<(), StoreError> {
        info!("the line goes on");
        self.context.store.end_api_pause().await?;
        // A person may have paused it meanwhile.
        self.pause_gate.set(None);
        self.read_pause().await?;
        self.next_poll = Instant::now();
        self.update_gate();
        Ok(())
    }

    /// Takes over the pause that the database tells of, and says so where a person made or ended it, or a
    /// life before this one left it.
    pub(crate) async fn read_pause(&mut self) -> Result<(), StoreError> {
        let to_transient_error = self.context.store.pause().await?;
        let since_ms = |pause: &Pause| pause.since_ms;
        match (self.pause_gate.pause(), &to_transient_error) {
            (before, Some(pause)) if before.map(since_ms) != Some(pause.since_ms) => {
                let Pause { kind, code, reason, .. } = pause;
                match kind {
                    PauseKind::Person => info!("the line is paused: {reason}"),
                    _ => warn!(code, "the line is paused: {reason}"),
                }
            }
            (Some(_), None) => info!("the line goes on: its pause was ended by a person"),
            _ => {}
        }
        self.pause_gate.set(to_transient_error);
        Ok(())
    }

    pub(crate) async fn probe_failed(&mut self, error: &ApiError) -> Result<(), StoreError> {
        match AccountSignal::of(error) {
            Some(signal) => self.apply_signal(None, signal).await?,
            None => self.probe_again_later().await?,
        }
        Ok(())
    }

    pub(crate) async fn probe_again_later(&mut self) -> Result<(), StoreError> {
        let interval_ms = self.context.settings.probe_interval_ms.max(1);
        self.pause_gate.probe_after(Duration::from_millis(interval_ms.unsigned_abs()));
        if self.pause_gate.pause().is_none() {
            return Ok(());
        }
        let at_ms = self.context.clock.now_ms().saturating_add(interval_ms);
        self.context.store.set_next_probe(at_ms).await
    }

    /// Only the probe ends a pause: what was sent before it says nothing of what came since.
    async fn probe_succeeded(&mut self, id: Option<TaskId>) -> Result<(), StoreError> {
        match id {
            Some(id) if self.pause_gate.is_awaiting(PendingProbe::Paid(id)) => self.resume().await,
            _ => Ok(()),
        }
    }

    /// Tells steps that are under way whether they may still pay.
    pub(crate) fn update_gate(&self) {
        self.paid_calls_allowed.store(self.pause_gate.allows_paid_calls(), Ordering::Release);
    }
}
