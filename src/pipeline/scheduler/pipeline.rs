//! What the scheduler has in memory: a few parts, each of which owns its state. Puts tasks back into the queues after a
//! step.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    AccountState, Deliveries, LookupSchedule, Memory, Polling, Prefetch, ReadyQueues, SavedSpeed,
    SharedVideos, Steps,
};
use crate::{
    job::{Outcome, State, Task, TaskId},
    kling::Api,
    pipeline::{Clock, Settings, StepContext, UploadGate},
    store::{Store, StoreError},
};

/// The scheduler. [`run`](Self::run) works until it is stopped, or until nothing is left to do.
pub struct Pipeline<A> {
    pub(super) context: Arc<StepContext<A>>,
    pub(super) queues: ReadyQueues,
    pub(super) account: AccountState,
    pub(super) prefetch: Prefetch,
    pub(super) steps: Steps,
    pub(super) shared_videos: SharedVideos,
    pub(super) upload_gate: UploadGate,
    /// Why uploads are held, as the database has it.
    pub(super) upload_problem: Option<String>,
    pub(super) deliveries: Deliveries,
    pub(super) polling: Polling,
    pub(super) lookups: LookupSchedule,
    pub(super) speed: SavedSpeed,
    /// When (Unix ms) this run started.
    pub(super) started_at_ms: i64,
}

impl<A: Api> Pipeline<A> {
    /// Builds the pipeline from what the database knows of the account. Tasks are read once it runs.
    pub async fn new(
        api: A,
        store: Store,
        clock: Clock,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let now = Instant::now();
        store.use_account(&settings.account).await?;
        let learned_slots = store.learned_slots_limit(&settings.account).await?;
        let lookups = store.lookups(&settings.account).await?;
        let median_ms = store.median_task_ms().await?;
        let account = AccountState::new(&settings, learned_slots, now);
        let limit = account.slots.limit;
        if limit != settings.slots {
            store.set_slots_limit(&settings.account, limit).await?;
        }
        Ok(Self {
            queues: ReadyQueues::new(settings.uploads.clone()),
            account,
            prefetch: Prefetch::new(),
            steps: Steps::default(),
            shared_videos: SharedVideos::default(),
            upload_gate: UploadGate::default(),
            upload_problem: None,
            deliveries: Deliveries::new(),
            polling: Polling::new(&settings, median_ms),
            lookups: LookupSchedule::new(now),
            speed: SavedSpeed::default(),
            started_at_ms: clock.now_ms(),
            context: Arc::new(StepContext::new(api, store, clock, settings, lookups)),
        })
    }

    pub(super) fn enqueue(&mut self, task: Arc<Task>) {
        let now_ms = self.context.clock.now_ms();
        self.queues.put(task, &self.context.settings.policy, now_ms);
    }

    /// Puts a task that a step changed where its next action is, and updates what depends on its state.
    pub(super) fn requeue(&mut self, task: Arc<Task>) {
        if task.state == State::Succeeded {
            self.deliveries.is_stale = true;
        }
        if task.state == State::Unresolved {
            self.lookups.look_up_now();
        }
        if task.holds_slot() {
            self.account.slots.take(task.id);
        } else {
            self.account.slots.free(task.id);
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

    pub(super) async fn reload(&mut self, id: TaskId) -> Result<(), StoreError> {
        let (prefetch, mut memory) = self.prefetch_and_memory();
        prefetch.reload(&mut memory, id).await
    }

    /// Puts the tasks back that waited for the Identify Face call of `caller`.
    pub(super) fn release_waiting(&mut self, caller: TaskId) {
        for task in self.shared_videos.end(caller) {
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
                self.requeue(task.into());
                Ok(())
            }
            Err(StoreError::Stale { .. }) => self.reload(id).await,
            Err(error) => Err(error),
        }
    }

    pub(super) fn prefetch_and_memory(&mut self) -> (&mut Prefetch, Memory<'_, A>) {
        let Self { context, queues, account, prefetch, .. } = self;
        (prefetch, Memory { context, queues, slots: &mut account.slots })
    }
}
