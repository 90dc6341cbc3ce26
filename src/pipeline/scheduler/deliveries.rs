//! Deliveries that are due: jobs whose task has a result, and that wait for their own file.

use std::collections::{BTreeMap, HashSet};

use crate::{
    job::{JobId, TaskId},
    pipeline::StepContext,
    store::{DueDelivery, StoreError},
};

/// How many downloads and deliveries are kept in memory beyond those in progress.
pub(super) const DOWNLOADS_AHEAD: usize = 32;

#[derive(Debug)]
pub(super) struct Deliveries {
    due: BTreeMap<JobId, DueDelivery>,
    /// The tasks whose result is being delivered. One delivery per task at a time: the next one can copy its file.
    in_progress: HashSet<TaskId>,
    /// The database may have other deliveries than those in memory.
    pub(super) is_stale: bool,
}

impl Deliveries {
    pub(super) fn new() -> Self {
        Self { due: BTreeMap::new(), in_progress: HashSet::new(), is_stale: true }
    }

    pub(super) async fn read<A>(&mut self, context: &StepContext<A>) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.is_stale) {
            return Ok(());
        }
        let now_ms = context.clock.now_ms();
        let rest_max_ms = context.settings.policy.longest_rest_ms();
        let limit = context.settings.downloads + DOWNLOADS_AHEAD;
        let due = context.store.due_deliveries(now_ms, rest_max_ms, limit).await?;
        self.due = due.into_iter().map(|due| (due.job.id, due)).collect();
        Ok(())
    }

    /// Takes the next delivery whose task has none in progress.
    pub(super) fn start_next(&mut self) -> Option<DueDelivery> {
        let is_free = |due: &&DueDelivery| !self.in_progress.contains(&due.task.id);
        let job = self.due.values().find(is_free).map(|due| due.job.id)?;
        let due = self.due.remove(&job)?;
        self.in_progress.insert(due.task.id);
        Some(due)
    }

    /// A delivery ended. Returns whether none is left in memory, so that the database is to be asked for more.
    pub(super) fn ended(&mut self, job: JobId, task: TaskId) -> bool {
        self.in_progress.remove(&task);
        self.due.remove(&job);
        if self.due.is_empty() {
            self.is_stale = true;
        }
        self.due.is_empty()
    }
}
