//! The state of the account, and what each signal changes in it.
//!
//! No store, no network and no clock of its own: the time is an argument, and what has to be done outside is returned
//! as [`Effect`]s.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    job::{Moment, Policy, TaskId, retry::delay_ms},
    kling::ApiError,
    pipeline::{
        AccountSignal, Budget, BudgetChange, PaidCallPermit, PaidCalls, PauseGate, PendingProbe,
        Settings, Slots,
    },
    store::{Pause, PauseKind},
};

/// The API's code for more tasks at once than the account may have.
const TOO_MANY_TASKS: i64 = 1303;
/// More refusals in a row than these do not make the wait longer.
const REFUSALS_COUNTED_MAX: u32 = 6;

#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) at: Instant,
    pub(super) moment: Moment,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Makes all calls rest.
    SlowDown { code: Option<i64>, retry_after_ms: Option<i64> },
    /// Lets the next slowdown start small again.
    EndSlowdown,
    /// Saves the number of slots. `is_refusal`: a 1303 lowered it.
    SaveSlotsLimit { limit: usize, is_refusal: bool },
    /// Saves a pause that the API caused. `is_new`: the queue was not paused for this reason before.
    SavePause { pause: Pause, request_id: Option<String>, is_new: bool },
    /// Saves when (Unix ms) the next probe is due.
    SaveNextProbe { at_ms: i64 },
    /// Ends the API's pause.
    Resume,
    /// Reads the pause that the database has.
    ReadPause,
    /// Saves whether the budget holds new tasks.
    SaveHold(BudgetChange),
    /// Saves that the API gives no usable answer, or does again.
    SaveApiProblem(Option<ApiError>),
}

#[derive(Debug)]
pub(super) struct AccountState {
    pub(super) slots: Slots,
    pub(super) gate: PauseGate,
    pub(super) budget: Budget,
    paid_calls: PaidCalls,
    policy: Policy,
    probe_interval_ms: i64,
    pub(super) has_api_problem: bool,
}

impl AccountState {
    pub(super) fn new(settings: &Settings, learned_slots: Option<usize>, now: Instant) -> Self {
        Self {
            slots: Slots::new(settings.slots, learned_slots),
            gate: PauseGate::new(now),
            budget: Budget::new(settings.caps, settings.assumed_prices),
            paid_calls: PaidCalls::default(),
            policy: settings.policy.clone(),
            probe_interval_ms: settings.probe_interval_ms.max(1),
            has_api_problem: false,
        }
    }

    pub(super) fn permit(&self, is_probe: bool) -> PaidCallPermit {
        self.paid_calls.permit(is_probe)
    }

    /// Makes steps in progress send no further paid call, because the daemon ends.
    pub(super) fn forbid_paid_calls(&self) {
        self.paid_calls.allow(false);
    }

    pub(super) fn observe(
        &mut self,
        signal: AccountSignal,
        task: Option<TaskId>,
        now: &Now,
    ) -> Vec<Effect> {
        match signal {
            AccountSignal::Answered => vec![Effect::EndSlowdown],
            AccountSignal::QueuePaused => vec![Effect::ReadPause],
            AccountSignal::Identified => {
                self.budget.is_stale = true;
                [Effect::EndSlowdown].into_iter().chain(self.probe_succeeded(task)).collect()
            }
            AccountSignal::Created => {
                let limit = self.slots.accepted();
                let save = limit.map(|limit| Effect::SaveSlotsLimit { limit, is_refusal: false });
                let effects = [Effect::EndSlowdown].into_iter().chain(save);
                effects.chain(self.probe_succeeded(task)).collect()
            }
            AccountSignal::RateLimited { code, retry_after_ms } => {
                let slow_down = Effect::SlowDown { code, retry_after_ms };
                [slow_down].into_iter().chain(self.probe_later(now)).collect()
            }
            AccountSignal::SlotsFull { retry_after_ms } => {
                self.slots_full(task, retry_after_ms, now)
            }
            AccountSignal::PauseRequired { kind, reason, code, request_id } => {
                let pause = Pause { kind, reason, code, since_ms: 0, next_probe_at_ms: None };
                self.pause_by_api(pause, request_id, now).into_iter().collect()
            }
        }
    }

    fn slots_full(
        &mut self,
        task: Option<TaskId>,
        retry_after_ms: Option<i64>,
        now: &Now,
    ) -> Vec<Effect> {
        let probe = self.probe_later(now);
        let Some(id) = task.filter(|id| self.slots.holds(*id)) else {
            // The call asked for no slot: like a 1302, the reply can only mean that it came too early.
            let code = Some(TOO_MANY_TASKS);
            let slow_down = Effect::SlowDown { code, retry_after_ms };
            return probe.into_iter().chain([slow_down]).collect();
        };
        let limit = self.slots.refused(id);
        let refusals = self.slots.refused_in_a_row.min(REFUSALS_COUNTED_MAX);
        let grown_ms = delay_ms(&self.policy, refusals, now.moment.chance);
        let asked_ms = retry_after_ms.unwrap_or(0).min(self.policy.longest_rest_ms());
        let wait = Duration::from_millis(grown_ms.max(asked_ms).unsigned_abs());
        self.slots.blocked_until = Some(now.at + wait);
        let save = limit.map(|limit| Effect::SaveSlotsLimit { limit, is_refusal: true });
        probe.into_iter().chain(save).collect()
    }

    /// Pauses the queue, unless a person did already: the API does not replace a person's pause.
    fn pause_by_api(
        &mut self,
        pause: Pause,
        request_id: Option<String>,
        now: &Now,
    ) -> Option<Effect> {
        let before = self.gate.pause.as_ref();
        if before.is_some_and(|before| before.kind == PauseKind::Person) {
            return None;
        }
        let same_since_ms =
            before.filter(|before| before.kind == pause.kind).map(|before| before.since_ms);
        let since_ms = same_since_ms.unwrap_or(now.moment.now_ms);
        let next_probe_at_ms = Some(now.moment.now_ms.saturating_add(self.probe_interval_ms));
        let pause = Pause { since_ms, next_probe_at_ms, ..pause };
        self.set_pause(Some(pause.clone()), now.at);
        self.gate.set_next_probe(now.at + self.probe_interval());
        Some(Effect::SavePause { pause, request_id, is_new: same_since_ms.is_none() })
    }

    /// Plans the next probe: the last one showed nothing, or the account is busy.
    pub(super) fn probe_later(&mut self, now: &Now) -> Option<Effect> {
        self.gate.set_next_probe(now.at + self.probe_interval());
        let at_ms = now.moment.now_ms.saturating_add(self.probe_interval_ms);
        self.gate.pause.as_ref().map(|_| Effect::SaveNextProbe { at_ms })
    }

    /// The step of this task ended. A probe that ended without a signal showed nothing.
    pub(super) fn paid_step_ended(&mut self, id: TaskId, now: &Now) -> Option<Effect> {
        let is_probe = self.gate.pending == Some(PendingProbe::Paid(id));
        if is_probe { self.probe_later(now) } else { None }
    }

    /// Only the probe ends a pause. A call that was sent before the pause says nothing about it.
    fn probe_succeeded(&self, task: Option<TaskId>) -> Option<Effect> {
        let is_probe = task.is_some_and(|id| self.gate.pending == Some(PendingProbe::Paid(id)));
        is_probe.then_some(Effect::Resume)
    }

    pub(super) fn set_pause(&mut self, pause: Option<Pause>, now: Instant) {
        self.gate.set_pause(pause, now);
        self.update_paid_calls();
    }

    /// Ends the API's pause. The database may have a person's pause by now.
    pub(super) fn resume(&mut self, pause: Option<Pause>, now: Instant) {
        self.gate.set_pause(None, now);
        self.set_pause(pause, now);
    }

    pub(super) fn set_scanned(&mut self, is_scanned: bool) {
        self.gate.is_scanned = is_scanned;
        self.update_paid_calls();
    }

    /// Compares whether the API gives usable answers with what was known.
    pub(super) fn check_api(&mut self, problem: Option<ApiError>) -> Option<Effect> {
        let is_same = self.has_api_problem == problem.is_some();
        self.has_api_problem = problem.is_some();
        (!is_same).then_some(Effect::SaveApiProblem(problem))
    }

    fn probe_interval(&self) -> Duration {
        Duration::from_millis(self.probe_interval_ms.unsigned_abs())
    }

    fn update_paid_calls(&self) {
        self.paid_calls.allow(self.gate.allows_paid_calls());
    }
}

#[cfg(test)]
mod tests;
