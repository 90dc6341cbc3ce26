//! `lipsyncd failures`: failed jobs by code and reason, each group with the command that retries it.

use std::collections::HashMap;

use serde::Serialize;

use super::{
    CommandContext, CommandError, ExitCode, Result,
    clock::{Clock, LocalArgs},
    counted, json, open, safe,
    select::SelectArgs,
    text::{iso_ms, shell_word},
    unknown::report_unknown,
};
use crate::{
    job::State,
    store::{FailedGroup, Reader, Select},
};

/// More groups are only counted.
const GROUPS_MAX: usize = 1_000;

/// Show failed jobs by error code and reason, with the command to retry each group
///
/// Dismissed jobs are left out. A reason is the error without ids, paths and long numbers. Nothing is retried: the
/// command of a group shows count and price before it asks.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd failures --since today\n  \
    lipsyncd failures --json | jq -r '.[0].command'")]
pub(super) struct Args {
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    local: LocalArgs,
    /// Print a JSON array, one object per line: error_code, reason, jobs, first_at, last_at, example_key,
    /// example_request_id, command
    #[arg(long)]
    json: bool,
}

/// A group in JSON; times are UTC in ISO 8601.
#[derive(Debug, Serialize)]
struct GroupReport<'a> {
    error_code: Option<&'a str>,
    reason: Option<&'a str>,
    jobs: i64,
    first_at: String,
    last_at: String,
    example_key: &'a str,
    example_request_id: Option<String>,
    command: String,
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let reader = open::reader(context.config)?;
    let asked = arguments.select.select(open::now_ms());
    let exit = report_unknown(&reader, &asked, context)?;
    if asked.states.iter().any(|state| *state != State::Failed) {
        return Err(CommandError::new(
            ExitCode::Usage,
            "only jobs in state `failed` have failures",
        )
        .hint("leave out --state; `lipsyncd list --state STATE` shows jobs in other states"));
    }
    let failed = Select { states: vec![State::Failed], dismissed: Some(false), ..asked };
    let found = reader.selected_failures(&reader.select(&failed)?, GROUPS_MAX)?;
    let reports = reports(&reader, &found.groups, &arguments.select.as_arguments())?;
    if arguments.json {
        let lines: Vec<String> = reports.iter().map(json::line).collect::<Result<_>>()?;
        match lines.is_empty() {
            true => writeln!(context.out, "[]")?,
            false => writeln!(context.out, "[\n{}\n]", lines.join(",\n"))?,
        }
        return Ok(exit);
    }
    let clock = arguments.local.clock();
    for (at, report) in reports.iter().enumerate() {
        if at > 0 {
            writeln!(context.out)?;
        }
        write!(context.out, "{}", safe_lines(&text(report, &clock)))?;
    }
    if reports.is_empty() && exit == ExitCode::Done {
        writeln!(context.err, "no failed jobs")?;
    }
    if found.other_jobs > 0 {
        let others = counted(found.other_jobs, "failed job");
        writeln!(context.err, "note: {others} of other reasons not shown; select fewer jobs")?;
    }
    Ok(exit)
}

fn reports<'a>(
    reader: &Reader,
    groups: &'a [FailedGroup],
    selection: &str,
) -> Result<Vec<GroupReport<'a>>> {
    let mut reasons: HashMap<Option<&str>, usize> = HashMap::new();
    for group in groups {
        *reasons.entry(group.error_code.as_deref()).or_default() += 1;
    }
    let report = |group: &'a FailedGroup| -> Result<GroupReport<'a>> {
        let code = group.error_code.as_deref();
        let mut command = format!("lipsyncd retry{selection} --failed");
        if let Some(code) = code {
            command += &format!(" --code {}", shell_word(code));
        }
        // A code with one reason needs no reason.
        if let Some(reason) = group.reason.as_deref().filter(|_| reasons[&code] > 1) {
            command += &format!(" --reason {}", shell_word(reason));
        }
        Ok(GroupReport {
            error_code: code,
            reason: group.reason.as_deref(),
            jobs: group.jobs,
            first_at: iso_ms(group.first_at_ms),
            last_at: iso_ms(group.last_at_ms),
            example_key: &group.example_key,
            example_request_id: reader.last_request_id(&group.example_key)?,
            command,
        })
    };
    groups.iter().map(report).collect()
}

fn text(report: &GroupReport<'_>, clock: &Clock) -> String {
    let code = report.error_code.map(|code| format!(", code {code}")).unwrap_or_default();
    let reason = report.reason.unwrap_or("unknown reason");
    let request = report.example_request_id.as_ref();
    let request = request.map(|id| format!(", request_id {id}")).unwrap_or_default();
    let times = if report.jobs == 1 {
        format!("at {}", report.last_at)
    } else {
        format!("first at {}, last at {}", report.first_at, report.last_at)
    };
    format!(
        "{}{code}: {reason}\n  {}; for example {}{request}\n  {}\n",
        counted(report.jobs, "failed job"),
        clock.sentence(&times),
        report.example_key,
        report.command
    )
}

fn safe_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", safe(line))).collect()
}
