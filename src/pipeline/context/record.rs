//! Records what a step did to a task, and logs it.

use futures_util::future::Either;
use tracing::{debug, info, warn};

use super::StepContext;
use crate::{
    job::{Cost, Outcome, State, Task, Transition, apply},
    kling,
    store::{ApiCall, DetachReason, HistoryAnswer, NewSession, SessionFaces, StoreError},
};

impl<A> StepContext<A> {
    /// Records the outcome of a step, logs it, and returns the task as it is now.
    pub(crate) fn record(
        &self,
        task: &Task,
        outcome: Outcome,
        answer: Option<HistoryAnswer>,
    ) -> impl Future<Output = Result<Task, StoreError>> {
        self.record_with(task, outcome, answer, None)
    }

    /// Records the outcome of an Identify Face call, and its session in the same transaction.
    pub(crate) fn record_identified(
        &self,
        task: &Task,
        new: NewSession,
        answer: Option<HistoryAnswer>,
        cost: Option<Cost>,
    ) -> impl Future<Output = Result<Task, StoreError>> {
        let SessionFaces { session, faces } = new.known.clone();
        let outcome = Outcome::Identified { session, faces, cost };
        self.record_with(task, outcome, answer, Some(new))
    }

    async fn record_with(
        &self,
        task: &Task,
        outcome: Outcome,
        answer: Option<HistoryAnswer>,
        new: Option<NewSession>,
    ) -> Result<Task, StoreError> {
        // What concerns the account is logged once for the queue, and not for each task.
        let is_deferred = matches!(outcome, Outcome::Deferred(_));
        let moment = self.clock.moment();
        // In a block, so that the future has no space for the transition while it waits.
        let (recorded, (from, what, repeats)) = {
            let transition = self.transition(task, outcome)?;
            let known = (transition.from, transition.what.clone(), transition.repeats);
            let (store, now_ms, kept) = (&self.store, moment.now_ms, answer.clone());
            let recorded = match new {
                Some(new) => Either::Left(store.record_identified(new, transition, kept, now_ms)),
                None => Either::Right(store.record_for_log(transition, kept, now_ms)),
            };
            (recorded, known)
        };
        let (task, manifest) = recorded.await?;
        if repeats {
            return Ok(task);
        }
        if !from.is_finished() && task.state.is_finished() {
            self.settings.metrics.record_finished_job(task.state);
        }
        let key = &task.spec.key;
        if is_deferred {
            let request_id = answer.as_ref().and_then(|answer| answer.request_id.as_ref());
            let code = answer.as_ref().and_then(|answer| answer.code);
            let task_id = &task.task_id;
            debug!(job = key, manifest, task_id, request_id, code, "{key}: deferred: {what}");
            return Ok(task);
        }
        let waits = waiting_reason(&task, moment.now_ms).map(|reason| format!("waits: {reason}"));
        log_change(&task, &manifest, (from, task.state), &waits.unwrap_or(what), answer.as_ref());
        if task.state == State::Unresolved {
            warn!(
                job = key,
                manifest, "{key}: a person has to decide: `lipsyncd show {key}` shows the choices"
            );
        }
        Ok(task)
    }

    /// Records that a create request is about to be sent, and returns the task as it is now; none if the queue is
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
            log_change(&task, &manifest, (from, task.state), &what, None);
            task
        }))
    }

    /// Detaches the lead job from a task that was not sent, and returns the task as it is now.
    pub(crate) async fn detach_lead(
        &self,
        task: &Task,
        why: DetachReason,
    ) -> Result<Task, StoreError> {
        let (moment, policy) = (self.clock.moment(), self.settings.policy.clone());
        let manifest = self.store.manifest_of(task.lead).await?;
        let (to, what) = match &why {
            DetachReason::MediaChanged(what) => (State::Waiting, what.clone()),
            DetachReason::Failed(error) => (State::Failed, error.message.clone()),
        };
        let now = self.store.detach_lead(task.clone(), why, moment, policy).await?;
        log_change(task, &manifest, (task.state, to), &what, None);
        Ok(now)
    }

    fn transition(&self, task: &Task, outcome: Outcome) -> Result<Transition, StoreError> {
        Ok(apply(task, outcome, &self.clock.moment(), &self.settings.policy)?)
    }
}

fn log_change(
    task: &Task,
    manifest: &str,
    (from, to): (State, State),
    what: &str,
    answer: Option<&HistoryAnswer>,
) {
    let key = &task.spec.key;
    info!(
        job = key,
        manifest,
        from_state = from.name(),
        to_state = to.name(),
        task_id = task.task_id,
        request_id = answer.and_then(|answer| answer.request_id.as_ref()),
        code = answer.and_then(|answer| answer.code),
        "{key}: {from} → {to}: {what}"
    );
}

/// Returns what a task waits for, in the words of the view `job_overview`.
fn waiting_reason(task: &Task, now_ms: i64) -> Option<String> {
    let waits = task.wait_reason.as_ref().filter(|_| !task.state.is_finished())?;
    match jiff::Timestamp::from_millisecond(task.due_at_ms) {
        Ok(at) if task.due_at_ms > now_ms => Some(format!("{waits}; next try at {at:.3}")),
        _ => Some(waits.clone()),
    }
}

/// Returns what the history keeps of an answer.
pub(crate) fn history_answer(
    call: ApiCall,
    answer: &kling::ApiAnswer,
    cost: Option<Cost>,
) -> Option<HistoryAnswer> {
    Some(HistoryAnswer {
        call,
        http_status: answer.http_status,
        code: answer.code,
        request_id: answer.request_id.clone(),
        cost,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::jobs::task;

    #[test]
    fn the_log_shows_a_time_as_the_view_does_and_only_a_future_one() {
        let due_at_ms = 1_772_366_407_050;
        let wait_reason = Some("try 1 failed".to_owned());
        let task = Task { state: State::Queued, due_at_ms, wait_reason, ..task() };
        let reason = |now_ms| waiting_reason(&task, now_ms).unwrap();
        assert_eq!(reason(due_at_ms - 1), "try 1 failed; next try at 2026-03-01T12:00:07.050Z");
        assert_eq!(reason(due_at_ms), "try 1 failed");
    }
}
