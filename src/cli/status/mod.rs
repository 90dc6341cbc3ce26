//! `lipsyncd status`: how far everything is.

mod next;
mod report;
mod text;
mod watch;

use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    json, open,
};

use report::StatusReport;

/// How far everything is: counts, slots, pause, units, time left
///
/// Shows how many jobs are in each state, how many of the account's slots are in use, why the line
/// stands still if it does, what was spent, how much time is left and which manifests have faults;
/// and names the command to type next. It only reads: it works while the daemon runs and while it
/// does not, and for users who may not write.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd status\n  \
    lipsyncd status --watch\n  \
    lipsyncd status --json | jq .jobs.failed")]
pub struct Args {
    /// Show it anew each second, until Ctrl-C
    ///
    /// On a terminal with progress bars; otherwise a line a second (with --json: an object a line),
    /// until Ctrl-C or until nobody reads it any more.
    #[arg(long)]
    watch: bool,
    /// Print one JSON object
    ///
    /// Its members: jobs (every state with its count), manifests (accepted, refused), slots (used,
    /// limit, configured), pause (null, or kind, reason, code, since, next_probe), hold (null, or
    /// why no new task is started), trouble (null, or reason and since: the API gives no usable
    /// answer), folder_problem (null, or why jobs_dir cannot be scanned), blocked (null, or jobs and reason: their places in the output folder cannot be
    /// written), superseded (null, or tasks and jobs: unresolved tasks of requests that their jobs do not ask
    /// for any more, and the first jobs with key and command to decide them), units (today, total, cap), eta_seconds (null when unknown, when nothing is left or
    /// while the line is paused), daemon (running, pid, since, trouble: null, or why it cannot write
    /// the state database at the moment). Times are UTC in ISO 8601.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    arguments: &Args,
    context: &mut CommandContext<'_>,
) -> Result<ExitCode, CommandError> {
    let reader = open::reader(context.config)?;
    let look = || StatusReport::read(&reader, context.config, context.start, open::now_ms());
    if arguments.watch {
        watch::watch(look, arguments.json, context.on_terminal, context.out)?;
    } else if arguments.json {
        json::write_pretty(context.out, &look()?)?;
    } else {
        text::write(context.out, &look()?)?;
    }
    Ok(ExitCode::Done)
}
