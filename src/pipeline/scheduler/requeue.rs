//! Puts tasks back into the queues after a step.

use super::pipeline::Pipeline;
use crate::{
    job::{Outcome, State, Task, TaskId},
    kling::Api,
    store::StoreError,
};

impl<A: Api> Pipeline<A> {
    /// Puts a task that a step changed where its next action is, and updates what depends on its state.
    pub(super) fn requeue(&mut self, task: Task) {
        if task.state == State::Succeeded {
            self.deliveries.mark_stale();
        }
        if task.state == State::Unresolved {
            self.lookups.look_up_now();
        }
        if task.holds_slot() {
            self.account.slots_mut().take(task.id);
        } else {
            self.account.slots_mut().free(task.id);
        }
        // A task that rests in the database is read again when it is due.
        if matches!(task.state, State::Queued | State::Downloading) && task.due_at_ms > 0 {
            self.prefetch.plan(task.due_at_ms);
        }
        if task.state == State::Submitted {
            self.polling.task_submitted(&task);
        }
        self.enqueue(task);
    }

    /// Reads a task from the database that somebody else changed.
    pub(super) async fn reload(&mut self, id: TaskId) -> Result<(), StoreError> {
        let (prefetch, mut memory) = self.prefetch_and_memory();
        prefetch.reload(&mut memory, id).await
    }

    /// Puts the tasks back that waited for the Identify Face call of `caller`.
    pub(super) fn release_waiting(&mut self, caller: TaskId) {
        for task in self.identify_calls.end(caller) {
            self.enqueue(task);
        }
    }

    /// Records an outcome of a task on which no step works.
    pub(super) async fn record_idle(
        &mut self,
        id: TaskId,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let Some(task) = self.queues.take(id) else { return Ok(()) };
        match self.context.record(&task, outcome, None).await {
            Ok(task) => {
                self.requeue(task);
                Ok(())
            }
            Err(StoreError::Stale { .. }) => self.reload(id).await,
            Err(error) => Err(error),
        }
    }
}
