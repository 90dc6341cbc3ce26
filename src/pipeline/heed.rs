//! What an answer says about the whole account, heeded: slots, pace, pauses and the probes that end them.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::Instant;
use tracing::{info, warn};

use super::{line::Probe, schedule::Pipeline, step::Word};
use crate::{
    job::{TaskId, retry::delay_ms},
    kling::{Api, ApiError},
    store::{Pause, PauseKind, StoreError},
};

impl<A: Api> Pipeline<A> {
    /// Does what an answer says about the whole account.
    pub(super) async fn heed(&mut self, id: Option<TaskId>, word: Word) -> Result<(), StoreError> {
        match word {
            Word::Answered => self.context.pace.went_through(),
            Word::Transferred => {
                self.context.pace.went_through();
                self.look_again = true;
            }
            Word::Paused => {
                self.take_over_pause().await?;
                self.update_gate();
            }
            Word::Identified => {
                self.context.pace.went_through();
                self.budget.is_stale = true;
                self.probe_succeeded(id).await?;
            }
            Word::Created => {
                self.context.pace.went_through();
                self.slots_refused_in_a_row = 0;
                if let Some(limit) = self.slots.went_through() {
                    self.learnt_slots(limit).await?;
                }
                self.probe_succeeded(id).await?;
            }
            Word::TooFast { retry_after_ms } => {
                let pause = self.context.pace.slow_down(retry_after_ms);
                info!(code = 1302, "the API says too fast: all calls wait {pause:?}");
                self.probe_again_later().await?;
            }
            Word::SlotsFull { retry_after_ms } => self.slots_full(id, retry_after_ms).await?,
            Word::Pause { kind, reason, code, request_id } => {
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
            self.context.pace.slow_down(retry_after_ms);
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
        let before = self.line.pause();
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
        self.line.set(Some(pause));
        self.probe_again_later().await?;
        self.update_gate();
        Ok(())
    }

    pub(super) async fn go_on(&mut self) -> Result<(), StoreError> {
        info!("the line goes on");
        self.context.store.end_api_pause().await?;
        // A person may have paused it meanwhile.
        self.line.set(None);
        self.take_over_pause().await?;
        self.next_sweep = Instant::now();
        self.update_gate();
        Ok(())
    }

    /// Takes over the pause that the database tells of, and says so where a person made or ended it, or a
    /// life before this one left it.
    pub(super) async fn take_over_pause(&mut self) -> Result<(), StoreError> {
        let told = self.context.store.pause().await?;
        let since_ms = |pause: &Pause| pause.since_ms;
        match (self.line.pause(), &told) {
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
        self.line.set(told);
        Ok(())
    }

    pub(super) async fn probe_failed(&mut self, error: &ApiError) -> Result<(), StoreError> {
        match Word::of(error) {
            Some(word) => self.heed(None, word).await?,
            None => self.probe_again_later().await?,
        }
        Ok(())
    }

    pub(super) async fn probe_again_later(&mut self) -> Result<(), StoreError> {
        let interval_ms = self.context.settings.probe_interval_ms.max(1);
        self.line.probe_after(Duration::from_millis(interval_ms.unsigned_abs()));
        if self.line.pause().is_none() {
            return Ok(());
        }
        let at_ms = self.context.clock.now_ms().saturating_add(interval_ms);
        self.context.store.set_next_probe(at_ms).await
    }

    /// Only the probe ends a pause: what was sent before it says nothing of what came since.
    async fn probe_succeeded(&mut self, id: Option<TaskId>) -> Result<(), StoreError> {
        match id {
            Some(id) if self.line.awaits(Probe::Paid(id)) => self.go_on().await,
            _ => Ok(()),
        }
    }

    /// Tells steps that are under way whether they may still pay.
    pub(super) fn update_gate(&self) {
        self.may_pay.store(self.line.lets_pay(), Ordering::Release);
    }
}
