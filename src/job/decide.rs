//! What to do next with a task: one table over its state.
//!
//! Recovery is not special: after a crash every task is decided again from what is on disk. So `creating` always
//! means "look it up": the request is sent right after `creating` was committed, and a task that is found in
//! this state may have been sent.

use super::{State, Task};

/// The next thing to do for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    /// Nothing until this time; without a time, until an event changes the task.
    Rest {
        until_ms: Option<i64>,
    },
    /// Move it to the queue: its `not_before` time has come.
    Enqueue,
    MeasureAudio,
    /// Get a session for its video: from another task of the video, or by a call.
    Identify,
    /// Record the create request and send it: the paid step.
    Create,
    /// Look up the task of its create request. If none appears for long, send the same request again.
    Recover,
    Poll,
    Download,
}

/// Decides what to do with `task` at `now_ms` (Unix time).
#[must_use]
pub fn decide(task: &Task, now_ms: i64) -> Action {
    let resting = task.due_at_ms > now_ms;
    let rest = Action::Rest { until_ms: Some(task.due_at_ms) };
    match task.state {
        State::Waiting if resting => rest,
        State::Waiting => Action::Enqueue,
        State::Queued | State::Identified | State::Creating | State::Downloading if resting => rest,
        State::Submitted | State::Processing if resting => rest,
        State::Queued if task.needs_audio_length() => Action::MeasureAudio,
        State::Queued => Action::Identify,
        State::Identified if session_expired(task, now_ms) => Action::Identify,
        State::Identified => Action::Create,
        State::Creating => Action::Recover,
        State::Submitted | State::Processing => Action::Poll,
        State::Downloading => Action::Download,
        State::Succeeded | State::Failed | State::Cancelled | State::Unresolved => {
            Action::Rest { until_ms: None }
        }
    }
}

fn session_expired(task: &Task, now_ms: i64) -> bool {
    task.session.as_ref().is_none_or(|session| session.expires_at_ms <= now_ms)
}
