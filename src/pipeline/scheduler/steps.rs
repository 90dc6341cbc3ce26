//! The steps under way: what each is, whose, and how many of each kind there are.

use std::collections::HashMap;

use tokio::task::Id;

use crate::job::TaskId;

/// What kind of step a task is; what is limited and what a stop waits for goes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepKind {
    Prepare,
    /// One that failed before: it must not take the place of those that did not.
    RetryPrepare,
    Create,
    Recover,
    Download,
    Deliver,
    Poll,
    PendingProbe,
    LearnLookups,
    LookUpUnresolved,
}

const ALL: [StepKind; KINDS] = [
    StepKind::Prepare,
    StepKind::RetryPrepare,
    StepKind::Create,
    StepKind::Recover,
    StepKind::Download,
    StepKind::Deliver,
    StepKind::Poll,
    StepKind::PendingProbe,
    StepKind::LearnLookups,
    StepKind::LookUpUnresolved,
];
const KINDS: usize = 10;

/// The steps under way, by the task that does each.
#[derive(Debug, Default)]
pub(crate) struct RunningSteps {
    steps: HashMap<Id, (StepKind, Option<TaskId>)>,
    /// Counted as they come and go: it is asked for each job that could start.
    counts: [usize; KINDS],
}

impl RunningSteps {
    /// A step began; of some job, or of none.
    pub(crate) fn begin(&mut self, task: Id, kind: StepKind, id_of_task: Option<TaskId>) {
        self.steps.insert(task, (kind, id_of_task));
        self.counts[kind as usize] += 1;
    }

    /// A step ended; returns what it was.
    pub(crate) fn end(&mut self, task: Id) -> Option<(StepKind, Option<TaskId>)> {
        let was = self.steps.remove(&task)?;
        self.counts[was.0 as usize] -= 1;
        Some(was)
    }

    pub(crate) fn count(&self, kind: StepKind) -> usize {
        self.counts[kind as usize]
    }

    /// Whether any step is under way whose kind `is_meant`.
    pub(crate) fn any(&self, is_meant: impl Fn(StepKind) -> bool) -> bool {
        ALL.into_iter().any(|kind| self.count(kind) > 0 && is_meant(kind))
    }
}
