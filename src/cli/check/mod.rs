//! `lipsyncd check`: reads manifests and local media as the daemon does, without network.

mod conflicts;
mod name;
mod plan;
mod price;
mod reader;
mod report;
mod text;

use std::{io::Write, path::PathBuf};

use self::reader::Check;
use super::{CommandContext, ExitCode, Result, json};

/// Check manifests and local media, without network
///
/// Reads manifests and local media exactly as the daemon does. Prints one line per manifest: the number of jobs, the
/// number of tasks that are not paid yet, and their price, from the tasks in the state database or from `prices`. Jobs
/// that make the same request are paid once. Then it prints warnings, jobs that would wait for files, every error with
/// its place in the manifest, and the counts. Without PATH it reads all of `jobs_dir`. A PATH outside of `jobs_dir` is
/// read as if its folder were `jobs_dir`. For a PATH that the daemon ignores, it says why. A name that is almost that of
/// a manifest, such as `promo.yml.txt`, is an error as PATH, and a warning in a folder.
///
/// Exit code 0: every job could run; there may be warnings. 1: there are errors, or a file is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd check\n  \
    lipsyncd check --plan jobs/promo.yaml\n  \
    lipsyncd check --json | jq '.errors[].message'")]
pub(super) struct Args {
    /// Manifests, or folders of them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print one line per job, too: what lipsyncd would do, and with which job it would share a task
    #[arg(long)]
    plan: bool,
    /// Print one JSON object
    ///
    /// Its members are: manifests (path, jobs, waiting, errors, price, and with --plan `plan`: for each job key, plan,
    /// waits_for and shares_task_of); ignored, errors and warnings (path, line, column, message, help); jobs; waiting
    /// (jobs that would wait for files); tasks (at Kling) and shared_tasks; price (null: nothing is to be paid; else units
    /// and money, null where unknown, tasks, unknown_tasks and assumed).
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let jobs_dir = context.config.jobs_dir.clone();
    let paths = if arguments.paths.is_empty() { vec![jobs_dir] } else { arguments.paths.clone() };
    let out: Option<&mut dyn Write> = match arguments.json {
        true => None,
        false => Some(&mut *context.out),
    };
    let mut check = Check::new(context.config, out, arguments.plan);
    for path in &paths {
        check.path(path)?;
    }
    let report = check.end();
    match arguments.json {
        true => json::write_pretty(context.out, &report)?,
        false => {
            // What is about all manifests comes after their lines.
            context.out.flush()?;
            text::write_summary(context.err, &report)?;
        }
    }
    let is_fine = report.errors.is_empty() && report.waiting == 0;
    Ok(if is_fine { ExitCode::Done } else { ExitCode::Failed })
}
