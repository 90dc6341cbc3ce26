//! `lipsyncd show`: everything about one job.

mod report;
mod text;

use std::path::Path;

use clap::ValueHint;

use super::{CommandContext, ExitCode, Result, clock::LocalArgs, json, open, unknown::unknown_job};
use crate::{
    job::State,
    output::{Presence, presence},
    store::JobDetail,
};

use report::JobReport;

/// Show everything about one job: reason, history, cost
///
/// Shows what the manifest asks for, the face and timing that were used, why the job waits or failed, its task,
/// cost and result. Then its history, with every answer of the API: HTTP status, code, units and the request_id
/// that Kling's support needs. Then the next command, if there is one. If the outcome of the create request is
/// unknown, it also lists the tasks of the account that may be the job's.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd show promo/en\n  \
    lipsyncd show promo/en --json | jq -r '.history[].request_id'")]
pub(super) struct Args {
    /// The job's key, as `lipsyncd list` shows it
    #[arg(value_name = "JOB", value_hint = ValueHint::Other)]
    job: String,
    #[command(flatten)]
    local: LocalArgs,
    /// Print one JSON object
    ///
    /// It has the columns of the view job_overview, and: labels; wish (what the manifest asks for); media; used;
    /// create; earlier_unresolved (null, or the task of an earlier request whose outcome is unknown); result;
    /// candidates (if the outcome of the create request is unknown: the tasks that may be the job's);
    /// candidates_listed_at (with candidates: when the account's tasks were read; null: not far enough yet); file
    /// (delivered, changed or absent; null: no file was delivered); history (the columns of the view job_history);
    /// history_is_whole (false: its beginning is no longer kept); next (the next command, or null).
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let reader = open::reader(context.config)?;
    let Some(detail) = reader.detail(&arguments.job)? else {
        return Err(unknown_job(&reader, &arguments.job)?);
    };
    let file = delivered_file(&detail, &context.config.output_dir);
    if arguments.json {
        json::write_pretty(context.out, &JobReport::of(&detail, file))?;
    } else {
        text::write(context.out, &detail, file, &arguments.local.clock())?;
    }
    Ok(ExitCode::Done)
}

/// Checks the delivered file; none if no file was delivered, or the check failed.
fn delivered_file(detail: &JobDetail, output_dir: &Path) -> Option<Presence> {
    let job = &detail.state.job;
    let (_, bytes) = job.delivered.as_ref().filter(|_| job.state == State::Succeeded)?;
    presence(&output_dir.join(&job.output), *bytes).ok()
}
