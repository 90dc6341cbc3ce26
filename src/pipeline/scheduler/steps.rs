//! The steps in progress, each a task of the runtime that ends with a [`StepEvent`].

use std::{collections::HashMap, future::Future};

use tokio::task::{Id, JoinError, JoinSet};

use crate::{
    job::{JobId, TaskId},
    kling::ApiError,
    pipeline::{AccountSignal, LookupSummary, PollResult, StepEnd, UploadEnd},
    store::StoreError,
};

pub(super) enum StepEvent {
    Stepped(TaskId, Result<StepEnd, StoreError>),
    Uploaded(TaskId, Result<UploadEnd, StoreError>),
    Delivered(JobId, TaskId, Result<Option<AccountSignal>, StoreError>),
    Polled(Result<PollResult, StoreError>),
    Probed(Result<(), ApiError>),
    LookupsLearned(Result<(), StoreError>),
    UnresolvedLookedUp(Result<LookupSummary, StoreError>),
}

/// The kinds of steps. Limits count steps by kind, and the end of the daemon waits for some kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum StepKind {
    Prepare,
    /// Prepares a task whose earlier try failed. It must not delay tasks that have not failed.
    RetryPrepare,
    Upload,
    Create,
    Recover,
    Download,
    Deliver,
    Poll,
    Probe,
    LearnLookups,
    LookUpUnresolved,
}

impl StepKind {
    /// Whether a step of this kind may have sent a paid call whose reply is not recorded yet.
    pub(super) fn may_have_paid(self) -> bool {
        matches!(self, Self::Create | Self::Recover | Self::Prepare | Self::RetryPrepare)
    }
}

pub(super) struct EndedStep {
    pub(super) kind: StepKind,
    pub(super) task: Option<TaskId>,
    /// An error means that it panicked.
    pub(super) result: Result<StepEvent, JoinError>,
}

#[derive(Default)]
pub(super) struct Steps {
    set: JoinSet<StepEvent>,
    running: HashMap<Id, (StepKind, Option<TaskId>)>,
    /// Counted as steps start and end, because dispatch asks for each task that could start.
    counts: HashMap<StepKind, usize>,
}

impl Steps {
    pub(super) fn start(
        &mut self,
        kind: StepKind,
        task: Option<TaskId>,
        step: impl Future<Output = StepEvent> + Send + 'static,
    ) {
        let handle = self.set.spawn(step);
        self.running.insert(handle.id(), (kind, task));
        *self.counts.entry(kind).or_default() += 1;
    }

    pub(super) fn count(&self, kind: StepKind) -> usize {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    pub(super) fn any(&self, is_meant: impl Fn(StepKind) -> bool) -> bool {
        self.counts.iter().any(|(kind, count)| *count > 0 && is_meant(*kind))
    }

    /// Waits until a step has ended. Returns none if no step is in progress.
    pub(super) async fn next(&mut self) -> Option<EndedStep> {
        let joined = self.set.join_next_with_id().await?;
        self.ended(joined)
    }

    pub(super) fn try_next(&mut self) -> Option<EndedStep> {
        let joined = self.set.try_join_next_with_id()?;
        self.ended(joined)
    }

    pub(super) async fn shutdown(&mut self) {
        self.set.shutdown().await;
    }

    fn ended(&mut self, joined: Result<(Id, StepEvent), JoinError>) -> Option<EndedStep> {
        let (id, result) = match joined {
            Ok((id, event)) => (id, Ok(event)),
            Err(panicked) => (panicked.id(), Err(panicked)),
        };
        let (kind, task) = self.running.remove(&id)?;
        *self.counts.entry(kind).or_default() -= 1;
        Some(EndedStep { kind, task, result })
    }
}
