//! Removes failed jobs from the counts, and accepts results of changed jobs.

use super::{Decision, JobAction, NotChanged, command_for, refused};
use crate::{
    job::State,
    store::{Command, JobState},
};

impl JobAction {
    /// Dismisses jobs.
    pub fn dismiss() -> Self {
        Self::new(dismiss, |_| "dismissed".to_owned())
    }

    /// Counts dismissed jobs again.
    pub fn undo_dismissal() -> Self {
        Self::new(undo, |_| "counted again".to_owned())
    }
}

/// Whether a person accepted a result that is not of the manifest's current request.
fn has_accepted_change(state: &JobState) -> bool {
    let wanted = state.job.request_hash.as_ref();
    let made = state.task.as_ref().map(|task| &task.request_hash);
    !state.job.changed_after_sent && wanted.is_some() && made.is_some() && wanted != made
}

fn dismiss(state: &JobState) -> Decision {
    let job = &state.job;
    if job.changed_after_sent || job.state == State::Failed && !job.dismissed {
        return Ok(Command::Dismiss(true));
    }
    if job.dismissed || has_accepted_change(state) {
        return Err(NotChanged::AlreadyDone("was dismissed already".to_owned()));
    }
    let state = job.state;
    refused(
        format!("is {state} and did not change after it was sent: there is nothing to dismiss"),
        Some(command_for("show", &job.spec.key)),
    )
}

fn undo(state: &JobState) -> Decision {
    if state.job.dismissed || has_accepted_change(state) {
        return Ok(Command::Dismiss(false));
    }
    Err(NotChanged::AlreadyDone("is not dismissed".to_owned()))
}
