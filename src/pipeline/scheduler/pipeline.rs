//! What the scheduler has in memory: a few parts, each of which owns its state.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    account::AccountState,
    deliveries::Deliveries,
    lookup_schedule::LookupSchedule,
    polling::Polling,
    prefetch::{Memory, Prefetch},
    ready_queues::ReadyQueues,
    shared_identify::SharedIdentify,
    steps::Steps,
};
use crate::{
    job::Task,
    kling::Api,
    pipeline::{clock::Clock, context::StepContext, settings::Settings},
    store::{Store, StoreError},
};

/// The scheduler. [`run`](Self::run) works until it is stopped, or until nothing is left to do.
pub struct Pipeline<A> {
    pub(super) context: Arc<StepContext<A>>,
    pub(super) queues: ReadyQueues,
    pub(super) account: AccountState,
    pub(super) prefetch: Prefetch,
    pub(super) steps: Steps,
    pub(super) identify_calls: SharedIdentify,
    pub(super) deliveries: Deliveries,
    pub(super) polling: Polling,
    pub(super) lookups: LookupSchedule,
    /// When (Unix ms) this run started.
    pub(super) started_at_ms: i64,
}

impl<A: Api> Pipeline<A> {
    /// Builds the pipeline from what the database knows of the account. Tasks are read once it runs.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn new(
        api: A,
        store: Store,
        clock: Clock,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let now = Instant::now();
        let learned_slots = store.learned_slots_limit(&settings.account).await?;
        let lookups = store.lookups(&settings.account).await?;
        let median_ms = store.median_task_ms().await?;
        let account = AccountState::new(&settings, learned_slots, now);
        let limit = account.slots().limit();
        if limit != settings.slots {
            store.set_slots_limit(&settings.account, limit).await?;
        }
        Ok(Self {
            queues: ReadyQueues::default(),
            account,
            prefetch: Prefetch::new(),
            steps: Steps::default(),
            identify_calls: SharedIdentify::default(),
            deliveries: Deliveries::new(),
            polling: Polling::new(&settings, median_ms),
            lookups: LookupSchedule::new(now),
            started_at_ms: clock.now_ms(),
            context: Arc::new(StepContext::new(api, store, clock, settings, lookups)),
        })
    }

    /// Puts a task into the queue of its next action.
    pub(super) fn enqueue(&mut self, task: Task) {
        let now_ms = self.context.clock.now_ms();
        self.queues.put(task, &self.context.settings.policy, now_ms);
    }
    /// Returns the prefetch and what it fills.
    pub(super) fn prefetch_and_memory(&mut self) -> (&mut Prefetch, Memory<'_, A>) {
        let Self { context, queues, account, prefetch, .. } = self;
        (prefetch, Memory { context, queues, slots: account.slots_mut() })
    }
}
