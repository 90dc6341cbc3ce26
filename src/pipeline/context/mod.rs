//! What every step works with, and how every step writes down what came of it.

pub(crate) mod folder_cache;
pub(crate) mod in_flight;
pub(crate) mod not_found_timer;

use std::{
    future::Future,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
};

use tracing::{debug, info, warn};

use crate::{
    job::{Outcome, State, Task, Transition, apply},
    kling::{self, Api, ApiError, Reply},
    pipeline::{
        clock::Clock,
        context::folder_cache::FolderCache,
        context::{in_flight::InFlight, not_found_timer::NotFoundTimer},
        limits::monitored_api::MonitoredApi,
        limits::rate::{CallKind, CallRate},
        settings::Settings,
        step::AccountSignal,
    },
    store::{Answer, Call, LeadLost, Lookups, Store, StoreError},
};

/// So often a query is sent while the API says "too fast".
const QUERY_TRIES: u32 = 4;
/// A longer rest than this is for the scheduler to wait out.
const QUERY_REST_MAX_MS: i64 = 10_000;

/// Shared by all steps.
pub(crate) struct StepContext<A> {
    pub(crate) api: MonitoredApi<A>,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) rate: CallRate,
    /// What is learnt of the account's lookups; the store holds the same.
    pub(crate) lookups: Mutex<Lookups>,
    /// The server answers names that it does not know with errors.
    pub(crate) unknown_names_fail: AtomicBool,
    pub(crate) not_found_timer: NotFoundTimer,
    /// Create requests whose answer is not written yet.
    pub(crate) in_flight: InFlight,
    pub(crate) folder_cache: FolderCache,
}

impl<A: Api> StepContext<A> {
    /// Writes down what `outcome` makes of `job`, logs it, and returns the job as it stands now.
    pub(crate) async fn record(
        &self,
        task: &Task,
        outcome: Outcome,
        answer: Option<Answer>,
    ) -> Result<Task, StoreError> {
        // What holds the whole account back is reported once, by the queue, and not by each job.
        let is_the_accounts = matches!(outcome, Outcome::Deferred(_));
        let moment = self.clock.moment();
        let transition = self.transition(task, outcome)?;
        let (from, what, repeats) = (transition.from, transition.what.clone(), transition.repeats);
        let request_id = answer.as_ref().and_then(|answer| answer.request_id.clone());
        let code = answer.as_ref().and_then(|answer| answer.code);
        let recorded = self.store.record_for_log(transition, answer, moment.now_ms);
        let (task, manifest) = recorded.await?;
        if repeats {
            return Ok(task);
        }
        if !from.is_finished() && task.state.is_finished() {
            self.settings.metrics.finished(task.state);
        }
        let (key, task_id) = (&task.spec.key, &task.task_id);
        if is_the_accounts {
            debug!(job = key, manifest, task_id, request_id, code, "{key}: held back: {what}");
            return Ok(task);
        }
        let what = own_wait(&task, moment.now_ms).map_or(what, |wait| format!("waits: {wait}"));
        info!(
            job = key,
            manifest,
            from_state = from.name(),
            to_state = task.state.name(),
            task_id,
            request_id,
            code,
            "{key}: {from} → {}: {what}",
            task.state,
        );
        if task.state == State::Unresolved {
            warn!(
                job = key,
                manifest, "{key}: a person has to decide: `lipsyncd show {key}` says between what"
            );
        }
        Ok(task)
    }

    /// Writes that a create request is about to be sent, and returns the task as it is then; none if the queue is
    /// paused at this moment. `is_probe`: the request finds out whether the account can pay again.
    pub(crate) async fn record_intent(
        &self,
        task: &Task,
        outcome: Outcome,
        is_probe: bool,
    ) -> Result<Option<Task>, StoreError> {
        let transition = self.transition(task, outcome)?;
        let (from, what) = (transition.from, transition.what.clone());
        let now_ms = self.clock.now_ms();
        let recorded = self.store.record_intent(transition, now_ms, is_probe).await?;
        Ok(recorded.map(|(task, manifest)| {
            let key = &task.spec.key;
            info!(
                job = key,
                manifest,
                from_state = from.name(),
                to_state = task.state.name(),
                "{key}: {from} → {}: {what}",
                task.state
            );
            task
        }))
    }

    fn transition(&self, task: &Task, outcome: Outcome) -> Result<Transition, StoreError> {
        apply(task, outcome, &self.clock.moment(), &self.settings.policy).map_err(|illegal| {
            StoreError::Nonsense { key: illegal.key.clone(), what: illegal.to_string() }
        })
    }

    /// Takes a task that was not sent from its lead job; returns it as it is then.
    pub(crate) async fn detach_lead(&self, task: &Task, why: LeadLost) -> Result<Task, StoreError> {
        let (moment, policy) = (self.clock.moment(), self.settings.policy.clone());
        let manifest = self.store.manifest_of(task.lead).await?;
        let key = &task.spec.key;
        let (to, what) = match &why {
            LeadLost::MediaChanged(what) => (State::Waiting, what.clone()),
            LeadLost::Failed(permanent_error) => (State::Failed, permanent_error.message.clone()),
        };
        let now = self.store.lose_lead(task.clone(), why, moment, policy).await?;
        info!(
            job = key,
            manifest,
            from_state = task.state.name(),
            to_state = to.name(),
            "{key}: {} → {to}: {what}",
            task.state
        );
        Ok(now)
    }

    /// Sends a query, and sends it again after a rest where the API says "too fast": else an inquiry of several calls
    /// would never come to its end on an account that allows few calls a second.
    pub(crate) async fn query<T, F>(&self, call: impl Fn() -> F) -> Reply<T>
    where
        F: Future<Output = Reply<T>>,
    {
        for _ in 1..QUERY_TRIES {
            self.rate.ready(CallKind::Query).await;
            let reply = call().await;
            let rest_ms = match reply.result.as_ref().err().and_then(AccountSignal::of_query) {
                Some(AccountSignal::RateLimited { retry_after_ms }) => retry_after_ms.unwrap_or(0),
                None if reply.answer.http_status.is_some() => {
                    self.rate.went_through();
                    return reply;
                }
                _ => return reply,
            };
            if rest_ms > QUERY_REST_MAX_MS {
                return reply;
            }
            self.rate.slow_down(Some(rest_ms));
        }
        self.rate.ready(CallKind::Query).await;
        call().await
    }

    pub(crate) fn lookups(&self) -> Lookups {
        *self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was learnt of the account's lookups.
    pub(crate) async fn learn_lookups(&self, learned: Lookups) -> Result<(), StoreError> {
        if self.lookups() == learned {
            return Ok(());
        }
        *self.lookups.lock().unwrap_or_else(PoisonError::into_inner) = learned;
        self.store.learn_lookups(&self.settings.account, learned).await
    }
}

/// What a job waits for by itself, in the words of the view `job_overview`.
fn own_wait(task: &Task, now_ms: i64) -> Option<String> {
    let waits = task.waits.as_ref().filter(|_| !task.state.is_finished())?;
    match jiff::Timestamp::from_millisecond(task.due_at_ms) {
        Ok(at) if task.due_at_ms > now_ms => Some(format!("{waits} (at {at:.3})")),
        _ => Some(waits.clone()),
    }
}

/// What of an answer goes into the history.
pub(crate) fn history_answer(
    call: Call,
    answer: &kling::Answer,
    units_micro: Option<i64>,
) -> Option<Answer> {
    Some(Answer {
        call,
        http_status: answer.http_status,
        code: answer.code,
        request_id: answer.request_id.clone(),
        units_micro,
    })
}

/// The stable word for an error's code: the API's number, or "transport".
pub(crate) fn code_of(error: &ApiError) -> String {
    error.code.map_or_else(|| "transport".to_owned(), |code| code.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{State, tests::task};

    #[test]
    fn the_log_tells_a_time_as_the_view_does_and_only_one_to_come() {
        let due_at_ms = 1_772_366_407_050;
        let waits = Some("its next try".to_owned());
        let task = Task { state: State::Queued, due_at_ms, waits, ..task() };
        let to_transient_error = |now_ms| own_wait(&task, now_ms).unwrap();
        assert_eq!(to_transient_error(due_at_ms - 1), "its next try (at 2026-03-01T12:00:07.050Z)");
        assert_eq!(to_transient_error(due_at_ms), "its next try");
    }
}
