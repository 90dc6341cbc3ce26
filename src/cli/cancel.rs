//! `lipsyncd cancel`: take back what was not sent.

use clap::ValueHint;

use super::{
    CommandError, Context, ExitCode,
    change::{Changer, Verdict},
    open,
};
use crate::{
    job::{Job, Outcome, State},
    store::JobDetail,
};

/// Take jobs back that were not sent yet
///
/// A job that waits, is queued or identified is cancelled, and stays so though its manifest is still
/// in the folder, until `lipsyncd retry`. A job that was sent, or may have been, cannot be cancelled:
/// the API has no such call and the task is paid for, so it is followed to its end and its result is
/// kept. All jobs named are tried; the exit code is 1 if one of them was not cancelled.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lipsyncd cancel promo/en promo/fr")]
pub struct Args {
    /// Keys of jobs, as `lipsyncd list` shows them
    #[arg(value_name = "JOB", required = true, value_hint = ValueHint::Other)]
    jobs: Vec<String>,
}

pub(super) fn run(arguments: &Args, context: &mut Context<'_>) -> Result<ExitCode, CommandError> {
    Changer::open(context)?.change_all(&arguments.jobs, context, judge, said)
}

fn said(job: &Job) -> String {
    format!("cancelled; `{}` brings it back", open::command("retry", &job.spec.key))
}

fn judge(detail: &JobDetail) -> Verdict {
    let state = detail.job.state;
    match state {
        State::Waiting | State::Queued | State::Identified if detail.job.was_never_sent() => {
            Verdict::Do(Outcome::Cancelled)
        }
        State::Waiting | State::Queued | State::Identified => Verdict::No(
            format!(
                "is {state}, but its create was sent before and may have been accepted: that is found \
                 out first, and the API cannot cancel a task"
            ),
            None,
        ),
        State::Cancelled => Verdict::Already("was cancelled already".to_owned()),
        State::Succeeded | State::Failed => {
            Verdict::No(format!("has {state} already: there is nothing left to cancel"), None)
        }
        State::Creating | State::Submitted | State::Processing | State::Downloading => Verdict::No(
            format!(
                "is {state}: it was sent, and the API cannot cancel a task. It is followed to its end"
            ),
            None,
        ),
        State::Unresolved => Verdict::No(
            "is unresolved: it may have been sent, and the API cannot cancel a task".to_owned(),
            Some(format!("{} --task ID | --resend", open::command("resolve", &detail.line.key))),
        ),
    }
}
