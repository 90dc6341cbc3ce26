//! `lipsyncd status`: progress and problems.

mod next;
mod packs_report;
mod price_left;
mod report;
#[cfg(test)]
mod tests;
mod text;
mod watch;

use super::{CommandContext, CommandError, ExitCode, Result, json, open, safe};
use crate::store::{LockHolder, lock_holder};

pub(super) use price_left::PriceLeft;
use report::StatusReport;
pub(super) use text::rate_limited;

/// Show progress and problems: jobs, slots, queue, units, time left
///
/// Shows how many jobs are in each state, how many of the account's slots are in use, why the queue is paused
/// or held, the units and money spent, the price of the queue, the time left and the manifests with errors. Then it
/// lists the next commands. It only reads: it works with and without a running daemon, and for users without write
/// permission.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd status\n  \
    lipsyncd status --watch\n  \
    lipsyncd status --json | jq .jobs.failed")]
pub(super) struct Args {
    /// Repeat every second, until Ctrl-C
    ///
    /// On a terminal with progress bars; otherwise one line per second (with --json: one object per line), until
    /// Ctrl-C or until the reader closes the pipe.
    #[arg(long)]
    watch: bool,
    /// Print one JSON object
    ///
    /// Its members are: jobs (each state with its count); changed_after_sent and dismissed (numbers of jobs); manifests
    /// (accepted, refused); slots (used, limit, configured); pause (null, or kind, reason, code, since, next_probe); hold (null, or why no new task is
    /// created); `trouble` (null, or reason and since: the API gives no usable answer); rate (null, or code,
    /// limited_until and queries_limited_until: the API limits the rate of calls); uploads (null, or running,
    /// sent_bytes, bytes and problem: null, or reason and since); folder_problem (null, or
    /// why jobs_dir cannot be scanned); result_hosts_problem (null, or why results may not be downloaded from this
    /// machine); blocked (null, or jobs and reason: their output files cannot be written); superseded (null, or
    /// tasks and jobs: unresolved tasks of earlier requests, and the first jobs with the command to decide them);
    /// incomplete_results (results that Kling's server has only in part); watermarks_missing (jobs that lack the
    /// watermarked copy of their result); notifications (null, or failing, dead and problem: messages of `notify` that
    /// could not be sent); units (today, total, cap); money (the same, for accounts that pay from a balance); packs (null,
    /// or as_of, left, problem and packs: what the account's resource packs have left); price_left (null, or units and
    /// money, null where unknown, tasks, unknown_tasks, assumed, has_more and lasts_until: what the tasks that were not
    /// charged yet will cost); eta_seconds (null if unknown, if nothing is left, or
    /// while the queue is paused); daemon (running, pid, since, `trouble`: null, or why it cannot write the state
    /// database). Times are UTC in ISO 8601.
    #[arg(long)]
    json: bool,
    /// Print nothing; exit with 1 unless a daemon runs and can write its database
    ///
    /// For health checks, such as those of containers. The reason goes to stderr.
    #[arg(long, conflicts_with_all = ["watch", "json"])]
    healthy: bool,
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    if arguments.healthy {
        return check_health(context);
    }
    let reader = open::reader(context.config)?;
    let read = || StatusReport::read(&reader, context.config, context.start, open::now_ms());
    if arguments.watch {
        watch::watch(read, arguments.json, context.on_terminal, context.out)?;
    } else if arguments.json {
        json::write_pretty(context.out, &read()?)?;
    } else {
        text::write(context.out, &read()?)?;
    }
    Ok(ExitCode::Done)
}

fn check_health(context: &CommandContext<'_>) -> Result {
    let database = context.config.state_db.display().to_string();
    let problem = match lock_holder(&context.config.state_db) {
        None => format!("no daemon uses {}", safe(&database)),
        Some(LockHolder { problem: Some(problem), .. }) => safe(&problem).into_owned(),
        Some(_) => return Ok(ExitCode::Done),
    };
    Err(CommandError::new(ExitCode::Failed, problem))
}
