//! `lipsyncd list`: one line per job.

mod table;

use super::{
    CommandContext, ExitCode, Result, counted, json, open, safe,
    select::{SelectArgs, report_unknown},
};
use crate::{
    job::State,
    store::{JobOverview, Reader, Select, SelectedJobs, SortBy, SupersededTasks},
};

use table::Table;

/// List jobs, one per line
///
/// Shows each job's key, its state, the reason why it waits or failed, and its output file. Jobs are in the
/// order in which they were first read; with several states, state by state. On a terminal, lines are cut to
/// its width; in a pipe they are complete.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd list --state failed --state unresolved\n  \
    lipsyncd list --manifest promo.yaml\n  \
    lipsyncd list --json | jq -r '.[] | select(.units > 0) | .key'")]
pub(super) struct Args {
    #[command(flatten)]
    select: SelectArgs,
    /// Print a JSON array, one object per line, with the columns of the view job_overview
    #[arg(long)]
    json: bool,
}

const PAGE_SIZE: usize = 1_000;

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let reader = open::reader(context.config)?;
    let select = arguments.select.select(open::now_ms());
    let exit = report_unknown(&reader, &select, context)?;
    let superseded = superseded(&reader, &select)?;
    let jobs = reader.select(&select)?;
    if arguments.json {
        write_json(&reader, &jobs, context)?;
    } else {
        let mut table = Table::new(context.on_terminal);
        each_page(&reader, &jobs, |lines| Ok(table.write(context.out, &lines)?))?;
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
    context: &mut CommandContext<'_>,
) -> Result<()> {
    let mut before = "[\n";
    each_page(reader, jobs, |lines| {
        for line in &lines {
            write!(context.out, "{before}{}", json::line(line)?)?;
            before = ",\n";
        }
        Ok(())
    })?;
    writeln!(context.out, "{}", if before == "[\n" { "[]" } else { "\n]" })?;
    Ok(())
}

pub(super) fn each_page(
    reader: &Reader,
    jobs: &SelectedJobs,
    mut show: impl FnMut(Vec<JobOverview>) -> Result<()>,
) -> Result<()> {
    let mut after = None;
    loop {
        let page = reader.job_page(jobs, SortBy::Read, after.as_ref(), PAGE_SIZE)?;
        show(page.jobs)?;
        after = page.end;
        if after.is_none() {
            return Ok(());
        }
    }
}
