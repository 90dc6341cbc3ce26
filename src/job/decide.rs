//! What to do next with a task: one table over its state.
//!
//! Recovery is not special: after a crash every task is simply decided again from what is on disk.
//! That is why `creating` always means "look it up": the send itself happens in the same breath in
//! which `creating` was written down, and a task that is found in it may have been sent.

use super::{State, Task};

/// The next thing to do for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing, until that Unix time or, without one, until something happens to it.
    Rest {
        /// Unix ms.
        until_ms: Option<i64>,
    },
    /// Its time has come: into the queue.
    Enqueue,
    /// Fetch its remote audio and measure it.
    MeasureAudio,
    /// Get a session for its video, from another task of that video or by a call.
    Identify,
    /// Write the create request and send it: the paid step.
    Create,
    /// Ask Kling for a task of its create request; send the same one again once none has shown up for long.
    Recover,
    /// Poll it at Kling.
    Poll,
    /// Fetch its result.
    Download,
}

/// Says what to do with `task` at `now_ms` (Unix time).
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
