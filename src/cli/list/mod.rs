//! `lipsyncd list`: a line a job.

mod state;
mod table;

use clap::ValueHint;

use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    json, open,
    suggestions::Suggestions,
    text::{counted, safe},
};
use crate::{
    job::State,
    store::{JobFilter, JobOverview, Reader, SupersededTasks},
};

use table::Table;

/// A line a job
///
/// A job's key, its state, what it waits for or why it ended, and where its result goes; in the order
/// in which jobs were first read (with several states: state by state). On a terminal lines are cut
/// to its width; through a pipe they are whole. Any number of jobs is listed page by page.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd list --state failed --state unresolved\n  \
    lipsyncd list --manifest promo.yaml\n  \
    lipsyncd list --json | jq -r '.[] | select(.units > 0) | .key'")]
pub struct Args {
    /// Only jobs in this state; may be given several times
    ///
    /// One of waiting, queued, identified, creating, submitted, processing, downloading, succeeded,
    /// failed, cancelled, unresolved.
    #[arg(
        long = "state",
        value_name = "STATE",
        value_delimiter = ',',
        value_parser = state::StateParser,
        hide_possible_values = true
    )]
    states: Vec<State>,
    /// Only jobs of this manifest: its path under the jobs folder
    #[arg(long, value_name = "MANIFEST", value_hint = ValueHint::Other)]
    manifest: Option<String>,
    /// Print a JSON array, an object a line, with the columns of the view job_overview
    #[arg(long)]
    json: bool,
}

/// So many jobs are read, and kept in memory, at once.
const PAGE: usize = 1_000;

pub(super) fn run(
    arguments: &Args,
    context: &mut CommandContext<'_>,
) -> Result<ExitCode, CommandError> {
    let reader = open::reader(context.config)?;
    if let Some(manifest) = &arguments.manifest {
        require_manifest(&reader, manifest)?;
    }
    let superseded = arguments.superseded(&reader)?;
    if arguments.json {
        write_json(&reader, &arguments.filters(), context)?;
    } else {
        let mut table = Table::new(context.on_terminal);
        for filter in arguments.filters() {
            each_page(&reader, &filter, |lines| Ok(table.write(context.out, &lines)?))?;
        }
        if table.is_empty() {
            writeln!(context.err, "no jobs")?;
        }
    }
    if superseded.tasks > 0 {
        context.out.flush()?;
        write_superseded(&superseded, context)?;
    }
    Ok(ExitCode::Done)
}

impl Args {
    /// The unresolved tasks that no job of the list shows, where the list is about them.
    fn superseded(&self, reader: &Reader) -> Result<SupersededTasks, CommandError> {
        let is_asked = self.states.contains(&State::Unresolved) && self.manifest.is_none();
        Ok(if is_asked { reader.superseded()? } else { SupersededTasks::default() })
    }

    fn filters(&self) -> Vec<JobFilter> {
        let with = |state| JobFilter { manifest: self.manifest.clone(), state };
        let mut states = self.states.clone();
        states.sort_unstable();
        states.dedup();
        if states.is_empty() {
            return vec![with(None)];
        }
        states.into_iter().map(|state| with(Some(state))).collect()
    }
}

/// Unresolved tasks of earlier requests are no job's state: their jobs are named beside the list.
fn write_superseded(
    superseded: &SupersededTasks,
    context: &mut CommandContext<'_>,
) -> Result<(), CommandError> {
    let tasks = counted(superseded.tasks, "unresolved task");
    let show = superseded.jobs.iter().map(|key| format!("`{}`", open::command("show", key)));
    let show = show.collect::<Vec<_>>().join(", ");
    writeln!(
        context.err,
        "note: not listed: {tasks} of requests that their jobs do not ask for any more; decide by {}",
        safe(&show)
    )?;
    Ok(())
}

fn write_json(
    reader: &Reader,
    filters: &[JobFilter],
    context: &mut CommandContext<'_>,
) -> Result<(), CommandError> {
    let mut before = "[\n";
    for filter in filters {
        each_page(reader, filter, |lines| {
            for line in &lines {
                write!(context.out, "{before}{}", json::line(line)?)?;
                before = ",\n";
            }
            Ok(())
        })?;
    }
    writeln!(context.out, "{}", if before == "[\n" { "[]" } else { "\n]" })?;
    Ok(())
}

fn each_page(
    reader: &Reader,
    filter: &JobFilter,
    mut show: impl FnMut(Vec<JobOverview>) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut after = Some(0);
    while let Some(row) = after {
        let (lines, next) = reader.page(filter, row, PAGE)?;
        show(lines)?;
        after = next;
    }
    Ok(())
}

fn require_manifest(reader: &Reader, manifest: &str) -> Result<(), CommandError> {
    if reader.knows_manifest(manifest)? {
        return Ok(());
    }
    let mut suggestions = Suggestions::for_name(manifest);
    reader.manifest_paths(|path| suggestions.consider(path))?;
    let hint = suggestions.hint().unwrap_or_else(|| {
        "a manifest is named by its path under the jobs folder, such as `promo/intro.yaml`"
            .to_owned()
    });
    Err(CommandError::new(ExitCode::Failed, format!("no manifest is called `{manifest}`"))
        .hint(hint))
}

/// What a line says of where the job stands: what it waits for, or why it ended.
fn remark(line: &JobOverview) -> String {
    let mut remark = match (&line.waiting_for, &line.error) {
        (Some(waiting_for), _) => format!("waits: {waiting_for}"),
        (None, Some(error)) => error.clone(),
        (None, None) => String::new(),
    };
    if line.changed_after_sent {
        let flag = "changed after it was sent";
        remark = if remark.is_empty() { flag.to_owned() } else { format!("{flag}; {remark}") };
    }
    remark
}
