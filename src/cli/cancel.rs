//! `lipsyncd cancel`: cancels jobs that were not created at Kling.

use clap::ValueHint;

use super::{CommandContext, Decision, JobUpdater, NotChanged, Result, open, refused};
use crate::{
    job::State,
    store::{Command, JobState},
};

/// Cancel jobs that were not created at Kling yet
///
/// Cancels jobs that are waiting, queued or identified. They stay cancelled until `lipsyncd retry`, although
/// their manifest is still in the folder. If a job is cancelled before its retry was created, it gets its
/// earlier result back. If several jobs share a task, the others keep it. A job whose task was created, or may
/// have been, cannot be cancelled, because the API has no such call: the task is paid, lipsyncd follows it to
/// its end, and its result is kept. All named jobs are tried; the exit code is 1 if one was not cancelled.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lipsyncd cancel promo/en promo/fr")]
pub(super) struct Args {
    /// Keys of jobs, as `lipsyncd list` shows them
    #[arg(value_name = "JOB", required = true, value_hint = ValueHint::Other)]
    jobs: Vec<String>,
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    JobUpdater::open(context)?.update_all(&arguments.jobs, context, decide, describe)
}

fn describe(state: &JobState) -> String {
    match state.job.state {
        State::Cancelled => {
            format!("cancelled; `{}` starts it again", open::command("retry", &state.job.spec.key))
        }
        earlier => format!("its retry was cancelled; the job is {earlier} again, as before"),
    }
}

fn decide(state: &JobState) -> Decision {
    let JobState { job, task, .. } = state;
    let never_sent = task.as_ref().is_none_or(|task| task.is_uncreated());
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
            Some(format!("{} --task ID | --resend", open::command("resolve", &job.spec.key))),
        ),
    }
}
