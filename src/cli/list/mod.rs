//! `lipsyncd list`: one line per job.

mod job_table;

use super::{
    CommandContext, ExitCode, Result, clock::LocalArgs, counted, json, open, safe,
    select::SelectArgs, unknown::report_unknown,
};
use crate::{
    job::State,
    store::{JobOverview, Reader, Select, SelectedJobs, SortBy, SupersededTasks},
};

use job_table::JobTable;

/// List jobs, one per line
///
/// Shows each job's state and since when it has it, its key, the units that it cost, and the reason why it waits or
/// failed; and its output file where that is not `<key>.mp4`. Jobs are in the order in which they were first read,
/// unless --sort says another. On a terminal, lines are cut to its width; in a pipe they are complete.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd list --state failed,unresolved --sort since --limit 20\n  \
    lipsyncd list --manifest 'promo/*' --label language=fr\n  \
    lipsyncd list --json | jq -r '.[] | select(.units > 0) | .key'")]
pub(super) struct Args {
    #[command(flatten)]
    select: SelectArgs,
    /// Order: read, since (the newest state first), key, state, units (the most first), priority
    #[arg(long, value_name = "COL", default_value = "read", value_parser = sort_by, hide_default_value = true)]
    sort: SortBy,
    /// Only the first N jobs
    #[arg(long, value_name = "N", value_parser = number)]
    limit: Option<usize>,
    #[command(flatten)]
    local: LocalArgs,
    /// Print a JSON array, one object per line, with the columns of the view job_overview
    #[arg(long)]
    json: bool,
}

fn number(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "allowed: a number of jobs, for example `20`")
}

const PAGE_SIZE: usize = 1_000;

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let reader = open::reader(context.config)?;
    let select = arguments.select.select(open::now_ms());
    let exit = report_unknown(&reader, &select, context)?;
    let superseded = superseded(&reader, &select)?;
    let jobs = reader.select(&select)?;
    if arguments.json {
        write_json(&reader, &jobs, arguments, context)?;
    } else {
        let mut table = JobTable::new(arguments.local.clock(), context.on_terminal);
        each_page(&reader, &jobs, arguments, |jobs| Ok(table.write(context.out, &jobs)?))?;
        if table.is_empty() && exit == ExitCode::Done {
            writeln!(context.err, "no jobs")?;
        }
    }
    if superseded.tasks > 0 {
        context.out.flush()?;
        write_superseded(&superseded, context)?;
    }
    Ok(exit)
}

fn sort_by(text: &str) -> Result<SortBy, String> {
    SortBy::named(text).ok_or_else(|| {
        let all = SortBy::ALL.map(SortBy::name).join(", ");
        format!("allowed: {all}")
    })
}

/// Returns the unresolved tasks of earlier requests, if all unresolved jobs are listed. No job has their state.
fn superseded(reader: &Reader, select: &Select) -> Result<SupersededTasks> {
    let unresolved = Select::in_state(State::Unresolved);
    let states = select.states.clone();
    let is_wanted =
        select.states.contains(&State::Unresolved) && *select == Select { states, ..unresolved };
    Ok(if is_wanted { reader.superseded()? } else { SupersededTasks::default() })
}

fn write_superseded(superseded: &SupersededTasks, context: &mut CommandContext<'_>) -> Result<()> {
    let tasks = counted(superseded.tasks, "unresolved task");
    let show = superseded.jobs.iter().map(|key| format!("`{}`", open::command("show", key)));
    let show = show.collect::<Vec<_>>().join(", ");
    writeln!(
        context.err,
        "note: {tasks} of earlier requests not listed; decide with {}",
        safe(&show)
    )?;
    Ok(())
}

fn write_json(
    reader: &Reader,
    jobs: &SelectedJobs,
    arguments: &Args,
    context: &mut CommandContext<'_>,
) -> Result<()> {
    let mut before = "[\n";
    each_page(reader, jobs, arguments, |lines| {
        for line in &lines {
            write!(context.out, "{before}{}", json::line(line)?)?;
            before = ",\n";
        }
        Ok(())
    })?;
    writeln!(context.out, "{}", if before == "[\n" { "[]" } else { "\n]" })?;
    Ok(())
}

/// Calls `show` with the jobs in pages, so that memory and the WAL do not grow with their number. Orders without an index
/// are sorted once: then only the rows are kept in memory, 8 bytes per job.
fn each_page(
    reader: &Reader,
    jobs: &SelectedJobs,
    arguments: &Args,
    mut show: impl FnMut(Vec<JobOverview>) -> Result<()>,
) -> Result<()> {
    let (sort, mut left) = (arguments.sort, arguments.limit.unwrap_or(usize::MAX));
    if !matches!(sort, SortBy::Read | SortBy::Since | SortBy::Key) {
        let ids = reader.selected(jobs, sort, None, left)?.ids;
        return ids.chunks(PAGE_SIZE).try_for_each(|ids| show(reader.overviews(ids)?));
    }
    let mut after = None;
    while left > 0 {
        let page = reader.job_page(jobs, sort, after.as_ref(), left.min(PAGE_SIZE))?;
        left -= page.jobs.len().min(left);
        show(page.jobs)?;
        after = page.end;
        if after.is_none() {
            break;
        }
    }
    Ok(())
}
