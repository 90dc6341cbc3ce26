//! Carries out what a change of the account's state requires.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{Effect, Now, Pipeline};
use crate::{
    job::TaskId,
    kling::{Api, ApiError},
    pipeline::{AccountSignal, BudgetChange, Rest},
    store::{Pause, PauseKind, StoreError},
};

impl<A: Api> Pipeline<A> {
    pub(super) async fn apply_signal(
        &mut self,
        signal: Option<AccountSignal>,
        task: Option<TaskId>,
    ) -> Result<(), StoreError> {
        let Some(signal) = signal else { return Ok(()) };
        let now = self.now();
        let effects = self.account.observe(signal, task, &now);
        self.carry_out(effects).await
    }

    pub(super) async fn paid_step_ended(&mut self, id: TaskId) -> Result<(), StoreError> {
        let now = self.now();
        let effect = self.account.paid_step_ended(id, &now);
        self.carry_out(effect).await
    }

    pub(super) async fn probe_later(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        let effect = self.account.probe_later(&now);
        self.carry_out(effect).await
    }

    pub(super) async fn read_budget(&mut self) -> Result<(), StoreError> {
        let now_ms = self.context.clock.now_ms();
        if self.account.budget.needs_numbers(now_ms) {
            let numbers = self.context.store.budget_numbers(now_ms).await?;
            self.account.budget.set_numbers(numbers, now_ms);
        }
        Ok(())
    }

    /// Saves whether the caps refused the next task in this turn.
    pub(super) async fn save_hold(&mut self) -> Result<(), StoreError> {
        let change = self.account.budget.change(self.context.clock.now_ms());
        self.carry_out(change.map(Effect::SaveHold)).await
    }

    pub(super) async fn check_api(&mut self) -> Result<(), StoreError> {
        let effect = self.account.check_api(self.context.api.problem());
        self.carry_out(effect).await
    }

    /// Ends the API's pause after a probe succeeded.
    pub(super) async fn resume(&mut self) -> Result<(), StoreError> {
        info!("queue resumed");
        self.context.store.end_api_pause().await?;
        let pause = self.context.store.pause().await?;
        log_pause(None, pause.as_ref());
        self.account.resume(pause, Instant::now());
        self.polling.next_at = Instant::now();
        Ok(())
    }

    /// Reads the pause from the database: a person may have paused or resumed the queue, or an earlier run left a pause.
    pub(super) async fn read_pause(&mut self) -> Result<(), StoreError> {
        let pause = self.context.store.pause().await?;
        log_pause(self.account.gate.pause.as_ref(), pause.as_ref());
        self.account.set_pause(pause, Instant::now());
        Ok(())
    }

    pub(super) fn read_scanned(&mut self) {
        self.account.set_scanned(self.context.settings.is_scanned.load(Ordering::Acquire));
    }

    pub(super) fn now(&self) -> Now {
        Now { at: Instant::now(), moment: self.context.clock.moment() }
    }

    async fn carry_out(
        &mut self,
        effects: impl IntoIterator<Item = Effect>,
    ) -> Result<(), StoreError> {
        let store = self.context.store.clone();
        for effect in effects {
            match effect {
                Effect::EndSlowdown => self.context.rate.end_slowdown(),
                Effect::SlowDown { code, retry_after_ms } => {
                    let rest = self.context.slow_down(code, retry_after_ms).await?;
                    log_rest(code, rest);
                }
                Effect::SaveSlotsLimit { limit, is_refusal } => {
                    if is_refusal {
                        info!(
                            code = 1303,
                            limit, "the account allows {limit} tasks at once (1303)"
                        );
                    }
                    store.set_slots_limit(&self.context.settings.account, limit).await?;
                }
                Effect::SavePause { pause, request_id, is_new } => {
                    if is_new {
                        warn!(code = pause.code, request_id, "queue paused: {}", pause.reason);
                    }
                    store.set_pause(Some(pause)).await?;
                }
                Effect::SaveNextProbe { at_ms } => store.set_next_probe(at_ms).await?,
                Effect::Resume => self.resume().await?,
                Effect::ReadPause => self.read_pause().await?,
                Effect::SaveHold(BudgetChange { hold, is_news }) => {
                    if let Some(hold) = hold.as_ref().filter(|_| is_news) {
                        warn!("queue held: {}", hold.reason);
                    }
                    store.set_hold(hold).await?;
                }
                Effect::SaveApiProblem(problem) => {
                    log_api_problem(problem.as_ref());
                    let message = problem.map(|error| error.message);
                    store.set_api_problem(message, self.context.clock.now_ms()).await?;
                }
            }
        }
        Ok(())
    }
}

/// Each refusal is for those who look closely. `speed` logs that there are some.
fn log_rest(code: Option<i64>, Rest { paid, queries }: Rest) {
    let shown = code.map(|code| format!(" (code {code})")).unwrap_or_default();
    let seconds = |rest: Duration| rest.as_secs_f64().ceil();
    let queries = match queries < paid {
        true => format!("; queries for {} s", seconds(queries)),
        false => String::new(),
    };
    debug!(code, "rate limited by the API{shown}; calls rest for {} s{queries}", seconds(paid));
}

fn log_pause(before: Option<&Pause>, now: Option<&Pause>) {
    match (before, now) {
        (before, Some(Pause { kind, code, reason, since_ms, .. }))
            if before.is_none_or(|before| before.since_ms != *since_ms) =>
        {
            match kind {
                PauseKind::Person => info!("queue paused: {reason}"),
                _ => warn!(code, "queue paused: {reason}"),
            }
        }
        (Some(_), None) => info!("queue resumed by a person"),
        _ => {}
    }
}

fn log_api_problem(problem: Option<&ApiError>) {
    match problem {
        Some(ApiError { message, code, request_id, .. }) => {
            warn!(code, request_id, "the API gives no usable answer: {message}");
        }
        None => info!("the API answers again"),
    }
}
