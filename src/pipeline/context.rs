//! What every step works with, and how every step writes down what came of it.

use std::{
    future::Future,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
};

use tracing::{debug, info, warn};

use super::{
    Clock, Settings,
    pace::{Kind, Pace},
    reach::Reached,
    room::Room,
    step::Word,
    submit::{in_flight::InFlight, not_found_timer::NotFoundTimer},
};
use crate::{
    job::{Outcome, State, Task, Transition, apply},
    kling::{self, Api, ApiError, ErrorClass, Reply},
    store::{ApiAnswer, ApiCall, DetachReason, Lookups, Store, StoreError},
};

/// So often a query is sent while the API says "too fast".
const QUERY_TRIES: u32 = 4;
/// A longer rest than this is for the scheduler to wait out.
const QUERY_REST_MAX_MS: i64 = 10_000;

/// Shared by all steps.
pub(super) struct Context<A> {
    pub(super) api: Reached<A>,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    pub(super) pace: Pace,
    /// What is learnt of the account's lookups; the store holds the same.
    pub(super) lookups: Mutex<Lookups>,
    /// The server answers names that it does not know with errors.
    pub(super) unknown_names_fail: AtomicBool,
    pub(super) not_found_timer: NotFoundTimer,
    /// Create requests whose answer is not written yet.
    pub(super) in_flight: InFlight,
    pub(super) room: Room,
}

impl<A: Api> Context<A> {
    /// Writes down what `outcome` makes of `job`, logs it, and returns the job as it stands now.
    pub(super) async fn note(
        &self,
        task: &Task,
        outcome: Outcome,
        answer: Option<ApiAnswer>,
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
            self.settings.metrics.record_finished_job(task.state);
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
    pub(super) async fn note_intent(
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
    pub(super) async fn detach_lead(
        &self,
        task: &Task,
        why: DetachReason,
    ) -> Result<Task, StoreError> {
        let (moment, policy) = (self.clock.moment(), self.settings.policy.clone());
        let manifest = self.store.manifest_of(task.lead).await?;
        let key = &task.spec.key;
        let (to, what) = match &why {
            DetachReason::MediaChanged(what) => (State::Waiting, what.clone()),
            DetachReason::Failed(fault) => (State::Failed, fault.message.clone()),
        };
        let now = self.store.detach_lead(task.clone(), why, moment, policy).await?;
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
    pub(super) async fn query<T, F>(&self, call: impl Fn() -> F) -> Reply<T>
    where
        F: Future<Output = Reply<T>>,
    {
        for _ in 1..QUERY_TRIES {
            self.pace.ready(Kind::Query).await;
            let reply = call().await;
            let rest_ms = match reply.result.as_ref().err().and_then(Word::of_query) {
                Some(Word::TooFast { retry_after_ms }) => retry_after_ms.unwrap_or(0),
                None if reply.answer.http_status.is_some() => {
                    self.pace.went_through();
                    return reply;
                }
                _ => return reply,
            };
            if rest_ms > QUERY_REST_MAX_MS {
                return reply;
            }
            self.pace.slow_down(Some(rest_ms));
        }
        self.pace.ready(Kind::Query).await;
        call().await
    }

    pub(super) fn lookups(&self) -> Lookups {
        *self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was learnt of the account's lookups.
    pub(super) async fn learn_lookups(&self, learnt: Lookups) -> Result<(), StoreError> {
        if self.lookups() == learnt {
            return Ok(());
        }
        *self.lookups.lock().unwrap_or_else(PoisonError::into_inner) = learnt;
        self.store.learn_lookups(&self.settings.account, learnt).await
    }
}

/// What a job waits for by itself, in the words of the view `job_overview`.
fn own_wait(task: &Task, now_ms: i64) -> Option<String> {
    let waits = task.wait_reason.as_ref().filter(|_| !task.state.is_finished())?;
    match jiff::Timestamp::from_millisecond(task.due_at_ms) {
        Ok(at) if task.due_at_ms > now_ms => Some(format!("{waits}; next try at {at:.3}")),
        _ => Some(waits.clone()),
    }
}

/// What of an answer goes into the history.
pub(super) fn kept(
    call: ApiCall,
    answer: &kling::ApiAnswer,
    units_micro: Option<i64>,
) -> Option<ApiAnswer> {
    Some(ApiAnswer {
        call,
        http_status: answer.http_status,
        code: answer.code,
        request_id: answer.request_id.clone(),
        units_micro,
    })
}

/// Returns the code of an error: the API's number, "request_too_large" or "transport".
pub(super) fn code_of(error: &ApiError) -> String {
    match (error.code, error.class) {
        (Some(code), _) => code.to_string(),
        (None, ErrorClass::TooLarge) => "request_too_large".to_owned(),
        (None, _) => "transport".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{job::State, testing::jobs::task};

    #[test]
    fn the_log_tells_a_time_as_the_view_does_and_only_one_to_come() {
        let due_at_ms = 1_772_366_407_050;
        let wait_reason = Some("try 1 failed".to_owned());
        let task = Task { state: State::Queued, due_at_ms, wait_reason, ..task() };
        let told = |now_ms| own_wait(&task, now_ms).unwrap();
        assert_eq!(told(due_at_ms - 1), "try 1 failed; next try at 2026-03-01T12:00:07.050Z");
        assert_eq!(told(due_at_ms), "try 1 failed");
    }
}
