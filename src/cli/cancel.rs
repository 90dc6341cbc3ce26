//! `lipsyncd cancel`: take back what was not created.

use clap::ValueHint;

use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    open,
    update::{Decision, JobUpdater, NotChanged},
};
use crate::{
    job::State,
    store::{Command, JobState},
};

/// Take jobs back whose task was not created yet
///
/// A job that waits, is queued or identified is cancelled, and stays so though its manifest is still
/// in the folder, until `lipsyncd retry`. A retry that was not created yet is taken back to the result the job
/// had. Cancelling one of several jobs that share a task leaves it to the others. A job whose task was created, or
/// may have been, cannot be cancelled: the API has no such call and the task is paid for, so it is followed to
/// its end and its result is kept. All jobs named are tried; the exit code is 1 if one of them was not cancelled.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lipsyncd cancel promo/en promo/fr")]
pub struct Args {
    /// Keys of jobs, as `lipsyncd list` shows them
    #[arg(value_name = "JOB", required = true, value_hint = ValueHint::Other)]
    jobs: Vec<String>,
}

pub(super) fn run(
    arguments: &Args,
    context: &mut CommandContext<'_>,
) -> Result<ExitCode, CommandError> {
    JobUpdater::open(context)?.update_all(&arguments.jobs, context, judge, said)
}

fn said(state: &JobState) -> String {
    match state.job.state {
        State::Cancelled => {
            format!("cancelled; `{}` brings it back", open::command("retry", &state.job.spec.key))
        }
        earlier => format!("its retry is taken back: it is {earlier} again, as before"),
    }
}

fn judge(state: &JobState) -> Decision {
    let JobState { job, task, .. } = state;
    let refused = |why: String, hint| Err(NotChanged::Refused(why, hint));
    let never_sent = task.as_ref().is_none_or(|task| task.is_uncreated());
    match job.state {
        // No task has an open create request in these states.
        State::Waiting | State::Queued | State::Identified => Ok(Command::Cancel),
        State::Failed if never_sent && job.earlier_task.is_some() => Ok(Command::Cancel),
        State::Cancelled => Err(NotChanged::AlreadyDone("was cancelled already".to_owned())),
        State::Succeeded | State::Failed => {
            refused(format!("has {} already: there is nothing left to cancel", job.state), None)
        }
        State::Creating => refused(
            "is creating: its create request was sent and may have been accepted, and the API cannot cancel a \
             task. If it was accepted, it is followed to its end"
                .to_owned(),
            None,
        ),
        State::Submitted | State::Processing | State::Downloading => refused(
            format!(
                "is {}: its create request was sent, and the API cannot cancel a task. It is followed to its end",
                job.state
            ),
            None,
        ),
        State::Unresolved => refused(
            "is unresolved: it may have been sent, and the API cannot cancel a task".to_owned(),
            Some(format!("{} --task ID | --resend", open::command("resolve", &job.spec.key))),
        ),
    }
}
