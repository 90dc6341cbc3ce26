//! Applies the end of each step: to its task, to the tasks that waited for it, and to the account.

use tokio::task::JoinError;
use tracing::error;

use super::{
    pipeline::Pipeline,
    steps::{EndedStep, StepEvent, StepKind},
};
use crate::{
    job::{JobId, TaskId},
    kling::{Api, ApiError},
    pipeline::{account_signal::AccountSignal, step::StepEnd, submit::unresolved::LookupSummary},
    store::StoreError,
};

impl<A: Api> Pipeline<A> {
    pub(super) async fn step_ended(&mut self, ended: EndedStep) -> Result<(), StoreError> {
        match ended.result {
            Ok(event) => self.handle_event(event).await,
            Err(panicked) => self.step_panicked(ended.kind, ended.task, &panicked).await,
        }
    }

    async fn handle_event(&mut self, event: StepEvent) -> Result<(), StoreError> {
        match event {
            StepEvent::Stepped(id, Ok(end)) => self.stepped(id, end).await,
            StepEvent::Stepped(
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
            | StepEvent::Delivered(_, _, Err(error))
            | StepEvent::Polled(Err(error))
            | StepEvent::LookupsLearned(Err(error))
            | StepEvent::UnresolvedLookedUp(Err(error)) => Err(error),
        }
    }

    async fn stepped(&mut self, id: TaskId, end: StepEnd) -> Result<(), StoreError> {
        let StepEnd { task, signal, is_transferred } = end;
        let is_created = signal == Some(AccountSignal::Created);
        self.apply_signal(signal, Some(id)).await?;
        if is_transferred {
            self.prefetch.mark_stale();
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
            self.requeue(task);
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
        match AccountSignal::of(error) {
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
                self.deliveries.reset();
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
}
