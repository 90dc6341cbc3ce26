//! `lipsyncd dismiss`: removes failed jobs from the counts, and accepts results of changed jobs.

use clap::ValueHint;

use super::{CommandContext, Decision, JobUpdater, NotChanged, Result, open, refused};
use crate::{
    job::State,
    store::{Command, JobState},
};

/// Remove failed jobs from the counts, and accept results of changed jobs
///
/// `status` does not count a dismissed failed job, and `retry --failed` does not retry it. A job that changed
/// after it was sent keeps its result, and is no longer flagged. Nothing is deleted.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lipsyncd dismiss promo/en\n  lipsyncd dismiss --undo promo/en"
)]
pub(super) struct Args {
    /// Keys of jobs, as `lipsyncd list` shows them
    #[arg(value_name = "JOB", required = true, value_hint = ValueHint::Other)]
    jobs: Vec<String>,
    /// Count them again
    #[arg(long)]
    undo: bool,
}

/// Whether a person accepted a result that is not of the manifest's current request.
fn has_accepted_change(state: &JobState) -> bool {
    let wanted = state.job.request_hash.as_ref();
    let made = state.task.as_ref().map(|task| &task.request_hash);
    !state.job.changed_after_sent && wanted.is_some() && made.is_some() && wanted != made
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let dismisses = !arguments.undo;
    let decide = move |state: &JobState| -> Decision {
        let job = &state.job;
        let applies = match dismisses {
            true => job.changed_after_sent || job.state == State::Failed && !job.dismissed,
            false => job.dismissed || has_accepted_change(state),
        };
        if applies {
            return Ok(Command::Dismiss(dismisses));
        }
        if !dismisses {
            return Err(NotChanged::AlreadyDone("is not dismissed".to_owned()));
        }
        if job.dismissed || has_accepted_change(state) {
            return Err(NotChanged::AlreadyDone("was dismissed already".to_owned()));
        }
        let state = job.state;
        refused(
            format!("is {state} and did not change after it was sent: there is nothing to dismiss"),
            Some(open::command("show", &job.spec.key)),
        )
    };
    let describe = move |_: &JobState| match dismisses {
        true => "dismissed".to_owned(),
        false => "counted again".to_owned(),
    };
    JobUpdater::open(context)?.update_all(&arguments.jobs, context, decide, describe)
}
