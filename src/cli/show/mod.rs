//! `lipsyncd show`: one job whole.

mod report;
mod text;

use std::path::Path;

use clap::ValueHint;

use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    json, open, update,
};
use crate::{
    job::State,
    output::{Presence, presence},
    store::JobDetail,
};

use report::JobReport;

/// One job whole: what it waits for, its history, what it cost
///
/// Shows what the manifest asks, what of it was used (face and timing), what the job waits for or why
/// it ended, its task, what it cost and its result; then its history, with every answer of the API:
/// HTTP status, code, units and the request_id that Kling's support asks for; and the command to type
/// next, if there is one. Of a job whose create request has an unknown outcome it lists the tasks of the
/// account that it could be.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd show promo/en\n  \
    lipsyncd show promo/en --json | jq -r '.history[].request_id'")]
pub struct Args {
    /// The job's key, as `lipsyncd list` shows it
    #[arg(value_name = "JOB", value_hint = ValueHint::Other)]
    job: String,
    /// Print one JSON object
    ///
    /// The columns of the view job_overview, and labels, wish, media, used, create, earlier_unresolved (null, or the task of
    /// a request that the job does not ask for any more, where its create request has an unknown outcome), result, candidates
    /// (of a job whose create request has an unknown outcome: the tasks that it could be),
    /// candidates_listed_at (with them: when the account's tasks were read; null: not far enough yet), file (of the
    /// delivered file: delivered, changed or absent; null: none was delivered), history (the columns of the view
    /// job_history), history_is_whole (false: the beginning is no longer kept) and next.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    arguments: &Args,
    context: &mut CommandContext<'_>,
) -> Result<ExitCode, CommandError> {
    let reader = open::reader(context.config)?;
    let Some(detail) = reader.detail(&arguments.job)? else {
        return Err(update::unknown(&reader, &arguments.job)?);
    };
    let file = delivered_file(&detail, &context.config.output_dir);
    if arguments.json {
        json::write_pretty(context.out, &JobReport::of(&detail, file))?;
    } else {
        text::write(context.out, &detail, file)?;
    }
    Ok(ExitCode::Done)
}

/// What is at the place of the delivered file; none: it was not delivered, or nobody can tell.
fn delivered_file(detail: &JobDetail, output_dir: &Path) -> Option<Presence> {
    let job = &detail.state.job;
    let (_, bytes) = job.delivered.as_ref().filter(|_| job.state == State::Succeeded)?;
    presence(&output_dir.join(&job.output), *bytes).ok()
}
