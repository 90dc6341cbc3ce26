//! When the callbacks of a task are due.

use super::task::SimTask;

/// A change of a task with a `callback_url`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DueCallback {
    pub(super) at_ms: i64,
    pub(super) index: usize,
}

impl DueCallback {
    /// The two changes of a task: to `processing`, and to its end.
    pub(super) fn of(task: &SimTask, index: usize) -> [Self; 2] {
        [task.processing_at_ms, task.ends_at_ms].map(|at_ms| Self { at_ms, index })
    }
}
