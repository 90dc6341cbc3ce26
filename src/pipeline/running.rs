//! The steps under way: what each is, whose, and how many of each kind there are.

use std::collections::HashMap;

use tokio::task::Id;

use crate::job::TaskId;

/// What kind of step a task is; what is limited and what a stop waits for goes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepKind {
    Prepare,
    /// One that failed before: it must not take the place of those that did not.
    PrepareAgain,
    Create,
    Recover,
    Download,
    Deliver,
    Sweep,
    Probe,
    Learn,
    LookUp,
}

const ALL: [StepKind; KINDS] = [
    StepKind::Prepare,
    StepKind::PrepareAgain,
    StepKind::Create,
    StepKind::Recover,
    StepKind::Download,
    StepKind::Deliver,
    StepKind::Sweep,
    StepKind::Probe,
    StepKind::Learn,
    StepKind::LookUp,
];
const KINDS: usize = 10;

/// The steps under way, by the task that does each.
#[derive(Debug, Default)]
pub(super) struct Running {
    steps: HashMap<Id, (StepKind, Option<TaskId>)>,
    /// Counted as they come and go: it is asked for each job that could start.
    counts: [usize; KINDS],
}

impl Running {
    /// A step began; of some job, or of none.
    pub(super) fn begin(&mut self, task: Id, kind: StepKind, id_of_task: Option<TaskId>) {
        self.steps.insert(task, (kind, id_of_task));
        self.counts[kind as usize] += 1;
    }

    /// A step ended; returns what it was.
    pub(super) fn end(&mut self, task: Id) -> Option<(StepKind, Option<TaskId>)> {
        let was = self.steps.remove(&task)?;
        self.counts[was.0 as usize] -= 1;
        Some(was)
    }

    pub(super) fn count(&self, kind: StepKind) -> usize {
        self.counts[kind as usize]
    }

    /// Whether any step is under way whose kind `is_meant`.
    pub(super) fn any(&self, is_meant: impl Fn(StepKind) -> bool) -> bool {
        ALL.into_iter().any(|kind| self.count(kind) > 0 && is_meant(kind))
    }
}
