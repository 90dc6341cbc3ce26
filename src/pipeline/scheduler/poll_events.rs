//! Applies what a poll showed.

use tracing::{debug, warn};

use super::pipeline::Pipeline;
use crate::{
    job::{Outcome, SLOT_KEPT_MS, State, Task, TaskId},
    kling::{Api, RemoteTask},
    pipeline::poll::PollResult,
    store::StoreError,
};

impl<A: Api> Pipeline<A> {
    pub(super) async fn polled(&mut self, polled: PollResult) -> Result<(), StoreError> {
        let now_ms = self.context.clock.now_ms();
        if let Some(problem) = &polled.problem {
            // An API outage is logged once, and not for each poll.
            if self.account.has_api_problem() {
                debug!("polling the tasks failed: {problem}");
            } else {
                warn!("polling the tasks failed: {problem}");
            }
        }
        self.requeue_moved(polled.moved, now_ms).await?;
        for id in polled.same {
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
        self.apply_signal(polled.signal, None).await?;
        self.polling.poll_ended(self.queues.all_to_poll(), now_ms);
        Ok(())
    }

    async fn requeue_moved(
        &mut self,
        moved: Vec<(Task, Option<RemoteTask>)>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let median_before_ms = self.polling.median_ms();
        for (task, remote) in moved {
            self.account.mark_budget_stale();
            if matches!(task.state, State::Downloading | State::Failed) && task.create.is_some() {
                self.polling.task_ended(&task, now_ms);
            }
            if let (State::Downloading, Some(remote)) = (task.state, remote) {
                self.polling.keep_result(task.id, remote);
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
