//! Cancels jobs that were not created at Kling.

use super::{Decision, JobAction, NotChanged, Payment, command_for, refused};
use crate::{
    job::{State, Task},
    store::{Command, JobState},
};

impl JobAction {
    /// Cancels jobs. A retry that was not created yet is taken back to the result that the job had.
    pub fn cancel() -> Self {
        Self::new(decide, describe).paying_for(not_paid)
    }
}

fn describe(state: &JobState) -> String {
    match state.job.state {
        State::Cancelled => {
            format!("cancelled; `{}` starts it again", command_for("retry", &state.job.spec.key))
        }
        earlier => format!("its retry was cancelled; the job is {earlier} again, as before"),
    }
}

/// Returns the task that nobody else asks for.
fn not_paid(state: &JobState) -> Payment {
    match state.task.as_ref().filter(|task| task.is_uncreated()) {
        Some(task) if state.shares_with.is_empty() => {
            Payment::Task(task.request_hash.clone(), task.take)
        }
        _ => Payment::Nothing,
    }
}

fn decide(state: &JobState) -> Decision {
    let JobState { job, task, .. } = state;
    let never_sent = task.as_ref().is_none_or(Task::is_uncreated);
    match job.state {
        // No task has an open create request in these states.
        State::Waiting | State::Queued | State::Identified => Ok(Command::Cancel),
        State::Failed if never_sent && job.earlier_task.is_some() => Ok(Command::Cancel),
        State::Cancelled => Err(NotChanged::AlreadyDone("was cancelled already".to_owned())),
        State::Succeeded | State::Failed => {
            refused(format!("is already {}; there is nothing to cancel", job.state), None)
        }
        State::Creating => refused(
            "is creating: Kling may have accepted its create request, and the API cannot cancel a task. If \
             Kling accepted it, lipsyncd follows it to its end",
            None,
        ),
        State::Submitted | State::Processing | State::Downloading => refused(
            format!(
                "is {}: the API cannot cancel a task. lipsyncd follows it to its end",
                job.state
            ),
            None,
        ),
        State::Unresolved => refused(
            "is unresolved: Kling may have accepted its create request, and the API cannot cancel a task",
            Some(format!("{} --task ID | --resend", command_for("resolve", &job.spec.key))),
        ),
    }
}
