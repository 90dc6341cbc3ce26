//! What a poll asks for, and what it shows.

use std::sync::Arc;

use super::AccountSignal;
use crate::{
    job::{Task, TaskId},
    kling::{ApiError, RemoteTask},
};

/// A task that is polled.
#[derive(Debug, Clone)]
pub(crate) struct PollTarget {
    pub(crate) task: Arc<Task>,
    /// It takes longer than usual: it is queried singly if the list shows no change.
    pub(crate) is_overdue: bool,
}

/// What a poll showed.
#[derive(Debug, Default)]
pub(crate) struct PollResult {
    /// The tasks whose status changed, as they were recorded, with what Kling shows of them.
    pub(crate) moved: Vec<(Arc<Task>, Option<RemoteTask>)>,
    /// The tasks whose status is the same.
    pub(crate) same: Vec<TaskId>,
    /// The tasks that Kling does not show, with its message.
    pub(crate) not_found: Vec<(TaskId, String)>,
    /// The tasks of which Kling shows no clear status, with what it shows.
    pub(crate) unclear: Vec<(TaskId, String)>,
    /// The tasks that somebody else changed in the meantime.
    pub(crate) stale: Vec<TaskId>,
    /// What the API said about the account.
    pub(crate) signal: Option<AccountSignal>,
    /// What the API said about the account when the list was read, if reading it failed.
    pub(crate) list_signal: Option<AccountSignal>,
    /// Why the poll is incomplete, if it is.
    pub(crate) problem: Option<String>,
}

/// What one answer showed of one task.
pub(crate) enum PolledTask {
    Moved(Arc<Task>, Box<RemoteTask>),
    Same(TaskId),
    Unclear(TaskId, String),
    Stale(TaskId),
}

impl PollResult {
    pub(crate) fn add(&mut self, polled: PolledTask) {
        match polled {
            PolledTask::Moved(task, remote) => self.moved.push((task, Some(*remote))),
            PolledTask::Same(id) => self.same.push(id),
            PolledTask::Unclear(id, what) => self.unclear.push((id, what)),
            PolledTask::Stale(id) => self.stale.push(id),
        }
    }

    /// A call failed for a reason that is not one task's.
    pub(crate) fn fail(&mut self, error: ApiError) {
        self.signal = AccountSignal::of_query(&error);
        self.problem = Some(error.message);
    }
}
