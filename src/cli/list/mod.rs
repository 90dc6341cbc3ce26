//! `lipsyncd list`: one line per job.

mod table;

use std::ffi::OsStr;

use clap::{
    Arg, Command, ValueHint,
    builder::{PossibleValue, StringValueParser, TypedValueParser},
    error::{Error, ErrorKind},
};

use super::{
    CommandContext, CommandError, ExitCode, Result, counted, json, open, safe,
    suggestions::Suggestions,
};
use crate::{
    job::{State, state::UnknownState},
    store::{JobFilter, JobOverview, Reader, SupersededTasks},
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
    /// Only jobs in this state; can be given several times
    ///
    /// One of waiting, queued, identified, creating, submitted, processing, downloading, succeeded,
    /// failed, cancelled, unresolved.
    #[arg(
        long = "state",
        value_name = "STATE",
        value_delimiter = ',',
        value_parser = StateParser,
        hide_possible_values = true
    )]
    states: Vec<State>,
    /// Only jobs of this manifest, named by its path under jobs_dir
    #[arg(long, value_name = "MANIFEST", value_hint = ValueHint::Other)]
    manifest: Option<String>,
    /// Print a JSON array, one object per line, with the columns of the view job_overview
    #[arg(long)]
    json: bool,
}

const PAGE_SIZE: usize = 1_000;

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
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
    /// Returns the unresolved tasks of earlier requests, if unresolved jobs are listed. No job has their state.
    fn superseded(&self, reader: &Reader) -> Result<SupersededTasks> {
        let is_wanted = self.states.contains(&State::Unresolved) && self.manifest.is_none();
        Ok(if is_wanted { reader.superseded()? } else { SupersededTasks::default() })
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
    filters: &[JobFilter],
    context: &mut CommandContext<'_>,
) -> Result<()> {
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

pub(super) fn each_page(
    reader: &Reader,
    filter: &JobFilter,
    mut show: impl FnMut(Vec<JobOverview>) -> Result<()>,
) -> Result<()> {
    let mut after = Some(0);
    while let Some(row) = after {
        let (lines, next) = reader.page(filter, row, PAGE_SIZE)?;
        show(lines)?;
        after = next;
    }
    Ok(())
}

fn require_manifest(reader: &Reader, manifest: &str) -> Result<()> {
    if reader.knows_manifest(manifest)? {
        return Ok(());
    }
    let mut suggestions = Suggestions::for_name(manifest);
    reader.manifest_paths(|path| suggestions.consider(path))?;
    let hint = suggestions.hint().unwrap_or_else(|| {
        "name a manifest by its path under jobs_dir, for example `promo/intro.yaml`".to_owned()
    });
    Err(CommandError::new(ExitCode::Failed, format!("no manifest is called `{manifest}`"))
        .hint(hint))
}

#[derive(Debug, Clone)]
struct StateParser;

impl TypedValueParser for StateParser {
    type Value = State;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<State, Error> {
        let name = StringValueParser::new().parse_ref(command, argument, value)?;
        let argument = argument.map(ToString::to_string).unwrap_or_default();
        state(&name).map_err(|error| {
            let text = format!("invalid value '{name}' for '{argument}': {error}\n");
            Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(State::ALL.into_iter().map(|state| PossibleValue::new(state.name()))))
    }
}

fn state(name: &str) -> Result<State, String> {
    name.parse().map_err(|unknown: UnknownState| {
        let all = State::ALL.map(State::name).join(", ");
        let mut suggestions = Suggestions::for_name(name);
        State::ALL.iter().for_each(|state| suggestions.consider(state.name()));
        let hint = suggestions.hint().map(|hint| format!("{hint} ")).unwrap_or_default();
        format!("{unknown}; {hint}The states are {all}")
    })
}
