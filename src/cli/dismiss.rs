//! `lipsyncd dismiss`: what a person has seen and accepts is not counted any more.

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

/// Take failed jobs out of the counts, and accept results whose manifest changed
///
/// A failed job that is dismissed is not counted by `status` and not taken by `retry --failed`. A job that
/// changed after it was sent keeps the result it has, and is no longer flagged. Nothing is deleted.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lipsyncd dismiss promo/en\n  lipsyncd dismiss --undo promo/en"
)]
pub struct Args {
    /// Keys of jobs, as `lipsyncd list` shows them
    #[arg(value_name = "JOB", required = true, value_hint = ValueHint::Other)]
    jobs: Vec<String>,
    /// Count them again
    #[arg(long)]
    undo: bool,
}

/// Whether it keeps the result of another request than its manifest asks for.
fn has_accepted_change(state: &JobState) -> bool {
    let asked = state.job.request_hash.as_ref();
    let made = state.task.as_ref().map(|task| &task.request_hash);
    !state.job.changed_after_sent && asked.is_some() && made.is_some() && asked != made
}

pub(super) fn run(
    arguments: &Args,
    context: &mut CommandContext<'_>,
) -> Result<ExitCode, CommandError> {
    let dismisses = !arguments.undo;
    let judge = move |state: &JobState| -> Decision {
        let job = &state.job;
        let is_meant = match dismisses {
            true => job.changed_after_sent || job.state == State::Failed && !job.dismissed,
            false => job.dismissed || has_accepted_change(state),
        };
        if is_meant {
            return Ok(Command::Dismiss(dismisses));
        }
        if !dismisses {
            return Err(NotChanged::AlreadyDone("counts already: it is not dismissed".to_owned()));
        }
        if job.dismissed || has_accepted_change(state) {
            return Err(NotChanged::AlreadyDone("was dismissed already".to_owned()));
        }
        let state = job.state;
        Err(NotChanged::Refused(
            format!("is {state} and did not change after it was sent: there is nothing to dismiss"),
            Some(open::command("show", &job.spec.key)),
        ))
    };
    let said = move |_: &JobState| match dismisses {
        true => "dismissed".to_owned(),
        false => "counts again".to_owned(),
    };
    JobUpdater::open(context)?.update_all(&arguments.jobs, context, judge, said)
}
