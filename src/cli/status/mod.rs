//! `lipsyncd status`: progress and problems.

mod frame;
mod line;
mod next;
mod next_command;
mod packs_report;
mod price_left;
mod problem_lines;
mod problem_reports;
mod rate_report;
mod report;
mod screen;
#[cfg(test)]
mod tests;
mod text;
mod watch;

use super::{CommandContext, CommandError, ExitCode, Result, json, open, safe};
use crate::store::{LockHolder, lock_holder};

use frame::View;
pub(super) use price_left::PriceLeft;
pub(super) use rate_report::rate_limited;
use report::StatusReport;

/// A screen has no more rows for slots, manifests or failures.
const SHOWN_MAX: i64 = 200;
const MANIFESTS_MAX: usize = 200;

/// Show progress and problems: jobs, slots, queue, units, time left
///
/// Shows how many jobs are in each state, how many of the account's slots are in use, how fast jobs finish and what
/// limits it, why the queue is paused or held, the units and money spent, the price of the queue, the time left and the
/// manifests with errors. Then it lists what needs you, with the commands for it. It only reads: it works with and without a running daemon, and for users without write
/// permission.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd status\n  \
    lipsyncd status --watch\n  \
    lipsyncd status --json | jq .jobs.failed")]
pub(super) struct Args {
    /// Repeat every second, until Ctrl-C
    ///
    /// On a terminal it fills the screen: the queue, the slots with their tasks and the time since each was sent, the
    /// manifests in progress, the last failures, and what needs you. It ends with Ctrl-C or q, and shows no colors if
    /// NO_COLOR is set. Elsewhere it prints one line per second (with --json: one object per line), until Ctrl-C or until
    /// the reader closes the pipe.
    #[arg(long)]
    watch: bool,
    /// Print one JSON object
    ///
    /// Its members are: jobs (each state with its count); changed_after_sent and dismissed (numbers of jobs); manifests
    /// (accepted, refused); slots (used, limit, configured); pause (null, or kind, reason, code, since, next_probe);
    /// held_reason (null, or why no new task is created); api_problem (null, or reason and since: the API gives no usable
    /// answer); rate (finished_per_minute: of the last minutes, null if unknown; limited_by: null, or slots, api,
    /// identify_rate, create_rate, query_rate, uploads or downloads, and reason, the same in words; api: null, or code,
    /// times, since, limited_until and queries_limited_until: the API limits the rate of calls); uploads (null, or
    /// running, sent_bytes, bytes and problem: null, or reason and since); folder_problem (null, or
    /// why jobs_dir cannot be scanned); unreadable_folders (null, or count, first and reason); video_server_problem (null, or why local videos cannot
    /// be served); result_hosts_problem (null, or why results may not be downloaded from this
    /// machine); blocked (null, or jobs and reason: their output files cannot be written); superseded (null, or
    /// tasks and jobs: unresolved tasks of earlier requests, and the first jobs with the command to decide them);
    /// undelivered (null, or jobs, first_job and reason: their paid results have not come for five minutes); watermarks_missing (jobs that lack the
    /// watermarked copy of their result); notifications (null, or failing, dead and problem: messages of `notify` that
    /// could not be sent); units (today, total, cap); money (the same, for accounts that pay from a balance); packs (null,
    /// or as_of, left, problem and packs: what the account's resource packs have left); price_left (null, or units and
    /// money, null where unknown, tasks, unknown_tasks, assumed, has_more and lasts_until: what the tasks that were not
    /// charged yet will cost); eta_seconds (null if unknown, if nothing is left, or
    /// while the queue is paused); daemon (running, pid, since, problem: null, or why it cannot write the state
    /// database); needs_you (a list of command and why: what a person should do next, the most urgent first). Times are
    /// UTC in ISO 8601.
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
    let read = || {
        let report = StatusReport::read(&reader, context.config, context.start, open::now_ms());
        report.map(next::with_commands)
    };
    if arguments.watch && context.on_terminal && !arguments.json {
        let has_colors = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let view = || {
            Ok(View {
                report: read()?,
                slots: reader.slot_tasks(SHOWN_MAX)?,
                failures: reader.recent_failures(SHOWN_MAX)?,
                manifests: reader.manifests_in_progress(MANIFESTS_MAX)?,
                has_colors,
            })
        };
        watch::screen(view, context.out)?;
    } else if arguments.watch {
        watch::lines(read, arguments.json, context.out)?;
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
