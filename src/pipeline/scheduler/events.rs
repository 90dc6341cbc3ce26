//! Applies the end of each step: to its task, to the tasks that waited for it, and to the account.

use std::sync::Arc;

use tokio::task::JoinError;
use tracing::{debug, error, info, warn};

use super::{Deliveries, EndedStep, Pipeline, StepEvent, StepKind};
use crate::{
    job::{JobId, Outcome, SLOT_KEPT_MS, State, Task, TaskId},
    kling::{Api, ApiError, RemoteTask},
    pipeline::{AccountSignal, LookupSummary, PollResult, StepEnd},
    store::StoreError,
};

impl<A: Api> Pipeline<A> {
    pub(super) async fn step_ended(&mut self, ended: EndedStep) -> Result<(), StoreError> {
        if let Some(id) = ended.task {
            self.account.budget.release(id);
        }
        match ended.result {
            Ok(event) => self.handle_event(event).await,
            Err(panicked) => self.step_panicked(ended.kind, ended.task, &panicked).await,
        }
    }

    async fn handle_event(&mut self, event: StepEvent) -> Result<(), StoreError> {
        match event {
            StepEvent::Stepped(id, Ok(end)) => self.stepped(id, end).await,
            StepEvent::Uploaded(id, Ok(end)) => self.uploaded(id, end).await,
            StepEvent::Stepped(
                id,
                Err(StoreError::Stale { .. } | StoreError::TaskTaken { .. }),
            )
            | StepEvent::Uploaded(
                id,
                Err(StoreError::Stale { .. } | StoreError::TaskTaken { .. }),
            ) => {
                self.reload(id).await?;
                self.paid_step_ended(id).await?;
                self.release_waiting(id);
                Ok(())
            }
            StepEvent::Delivered(job, task, Ok(signal)) => self.delivered(job, task, signal).await,
            StepEvent::Polled(Ok(polled)) => self.polled(polled).await,
            StepEvent::Probed(Ok(())) => self.resume().await,
            StepEvent::Probed(Err(error)) => self.free_probe_failed(&error).await,
            StepEvent::LookupsLearned(Ok(())) => {
                // With what was learned, unresolved tasks may be found.
                self.lookups.look_up_now();
                Ok(())
            }
            StepEvent::UnresolvedLookedUp(Ok(summary)) => self.looked_up(summary).await,
            StepEvent::Stepped(_, Err(error))
            | StepEvent::Uploaded(_, Err(error))
            | StepEvent::Delivered(_, _, Err(error))
            | StepEvent::Polled(Err(error))
            | StepEvent::LookupsLearned(Err(error))
            | StepEvent::UnresolvedLookedUp(Err(error)) => Err(error),
        }
    }

    pub(super) async fn stepped(&mut self, id: TaskId, end: StepEnd) -> Result<(), StoreError> {
        let StepEnd { task, signal, is_transferred } = end;
        let is_created = signal == Some(AccountSignal::Created);
        self.apply_signal(signal, Some(id)).await?;
        if is_transferred {
            self.prefetch.is_stale = true;
        }
        self.paid_step_ended(id).await?;
        if is_created && self.lookups.learns(self.context.lookups()) {
            self.start_learning(task.clone());
        }
        self.requeue(task);
        // After the task itself, so that the tasks that waited find its session.
        self.release_waiting(id);
        Ok(())
    }

    async fn looked_up(&mut self, summary: LookupSummary) -> Result<(), StoreError> {
        self.lookups.ended(&summary, self.context.settings.policy.retry_initial_ms);
        for task in summary.moved {
            self.requeue(task.into());
        }
        self.apply_signal(summary.signal, None).await
    }

    async fn delivered(
        &mut self,
        job: JobId,
        task: TaskId,
        signal: Option<AccountSignal>,
    ) -> Result<(), StoreError> {
        // Other jobs of the task can copy the file now, and a delivery that failed is due later.
        if self.deliveries.ended(job, task) {
            let now_ms = self.context.clock.now_ms();
            if let Some(at_ms) = self.context.store.next_delivery_at_ms(now_ms).await? {
                self.prefetch.plan(at_ms);
            }
        }
        self.apply_signal(signal, None).await
    }

    async fn free_probe_failed(&mut self, error: &ApiError) -> Result<(), StoreError> {
        match AccountSignal::of_query(error) {
            Some(signal) => self.apply_signal(Some(signal), None).await,
            None => self.probe_later().await,
        }
    }

    /// A step ended with a panic: its task continues from what the database has.
    async fn step_panicked(
        &mut self,
        kind: StepKind,
        task: Option<TaskId>,
        panicked: &JoinError,
    ) -> Result<(), StoreError> {
        error!("internal error in a step; its task is tried again: {panicked}");
        self.probe_later().await?;
        match task {
            _ if kind == StepKind::Deliver => {
                // Its task is not known.
                self.deliveries = Deliveries::new();
                self.polling.wait_after_panic();
            }
            Some(id) => {
                self.reload(id).await?;
                self.release_waiting(id);
            }
            None => self.polling.wait_after_panic(),
        }
        Ok(())
    }

    async fn polled(&mut self, polled: PollResult) -> Result<(), StoreError> {
        let now_ms = self.context.clock.now_ms();
        if let Some(problem) = &polled.problem {
            // An API outage is logged once, and not for each poll, like its rate limit. The next poll shows the tasks.
            let is_limited = matches!(polled.signal, Some(AccountSignal::RateLimited { .. }));
            if self.account.has_api_problem || is_limited {
                debug!("polling the tasks failed: {problem}");
            } else {
                info!("polling the tasks failed: {problem}");
            }
        }
        self.requeue_moved(polled.moved, now_ms).await?;
        for id in polled.same {
            self.polling.task_shown(id, now_ms);
            if self.queues.get(id).is_some_and(|task| task.wait_reason.is_some()) {
                self.record_idle(id, Outcome::TaskReappeared).await?;
            }
        }
        for (id, what) in polled.unclear {
            self.task_unclear(id, what).await?;
        }
        for (id, what) in polled.not_found {
            self.task_not_found(id, what, now_ms).await?;
        }
        for id in polled.stale {
            self.reload(id).await?;
        }
        if let Some(AccountSignal::RateLimited { retry_after_ms, .. }) = polled.list_signal {
            self.polling.rest_list(retry_after_ms);
        }
        self.apply_signal(polled.signal, None).await?;
        self.polling.poll_ended(self.queues.all_to_poll().map(Arc::as_ref), now_ms);
        Ok(())
    }

    async fn requeue_moved(
        &mut self,
        moved: Vec<(Arc<Task>, Option<RemoteTask>)>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let median_before_ms = self.polling.median_ms();
        for (task, remote) in moved {
            self.account.budget.is_stale = true;
            if matches!(task.state, State::Downloading | State::Failed) && task.create.is_some() {
                self.polling.task_ended(&task, remote.as_ref(), now_ms);
            } else if task.state == State::Processing {
                self.polling.task_shown(task.id, now_ms);
            }
            if let (State::Downloading, Some(remote)) = (task.state, remote) {
                self.polling.results.insert(task.id, remote);
            }
            self.requeue(task);
        }
        let median_ms = self.polling.median_ms().filter(|now| Some(*now) != median_before_ms);
        if let Some(median_ms) = median_ms {
            self.context.store.set_median_task_ms(median_ms).await?;
        }
        Ok(())
    }

    /// Records that Kling does not show a task: once, and again when that frees its slot or is to end the task.
    async fn task_not_found(
        &mut self,
        id: TaskId,
        what: String,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let Some(task) = self.queues.get(id) else { return Ok(()) };
        let kept_ms = SLOT_KEPT_MS.min(self.context.settings.policy.give_up_after_ms);
        let frees_slot =
            task.failing_since_ms.is_some_and(|since_ms| now_ms.saturating_sub(since_ms) > kept_ms);
        let is_due_again = task.due_at_ms <= now_ms && task.slot_released;
        let is_first = !task.is_not_found();
        if !is_first && !is_due_again && !frees_slot {
            return Ok(());
        }
        if is_first {
            let manifest = self.context.store.manifest_of(task.lead).await?;
            let (key, task_id) = (&task.spec.key, &task.task_id);
            warn!(job = key, manifest, task_id, "{key}: Kling does not show its task: {what}");
        }
        self.record_idle(id, Outcome::TaskNotFound(what)).await
    }

    /// Records that Kling shows no clear status of a task, once for each thing that it says.
    async fn task_unclear(&mut self, id: TaskId, what: String) -> Result<(), StoreError> {
        let Some(task) = self.queues.get(id) else { return Ok(()) };
        if task.wait_reason.as_ref().is_some_and(|waits| waits.contains(&what)) {
            return Ok(());
        }
        let manifest = self.context.store.manifest_of(task.lead).await?;
        let (key, task_id) = (&task.spec.key, &task.task_id);
        warn!(job = key, manifest, task_id, "{key}: no clear status of its task: {what}");
        self.record_idle(id, Outcome::TaskStatusUnknown(what)).await
    }
}
