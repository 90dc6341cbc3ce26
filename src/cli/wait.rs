//! `lipsyncd wait`: blocks until jobs have ended.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    CommandContext, CommandError, ExitCode, Result, counted, note_absent_daemon, open,
    select::SelectArgs, text::duration, unknown::report_unknown,
};
use crate::{
    job::State,
    store::{Reader, Select, SortBy},
};

/// How often to ask whether the database changed, which costs next to nothing.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Wait until jobs have ended
///
/// Without a selection, waits for all jobs. An unresolved job has ended in this sense: a person must decide it. The exit
/// code is that of `run --once`: 0 if all jobs succeeded or were cancelled; 1 if a job failed and was not dismissed, is
/// unresolved, or changed after it was sent, if a manifest has errors, or if --timeout passed. Manifests count unless
/// jobs are selected by something else than --manifest. Nothing is changed, and the daemon must run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd wait --manifest promo.yaml && echo done\n  \
    lipsyncd wait promo/en promo/fr --timeout 2h")]
pub(super) struct Args {
    #[command(flatten)]
    select: SelectArgs,
    /// Wait no longer than this, such as `30s` or `2h`
    #[arg(long, value_name = "T", value_parser = timeout)]
    timeout: Option<Duration>,
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let reader = open::reader(context.config)?;
    let mut select = arguments.select.select(open::now_ms());
    let exit = report_unknown(&reader, &select, context)?;
    let manifests = select.is_by_manifest().then(|| select.manifests.clone());
    if !arguments.select.is_lasting() {
        // Which jobs are selected is decided once: their states change.
        select = Select { rows: rows(&reader, &select)?, ..Select::default() };
        if select.rows.is_empty() {
            writeln!(context.err, "no jobs")?;
            return Ok(exit);
        }
    }
    wait(&reader, &select, arguments.timeout, context)?;
    let refused = match manifests {
        Some(manifests) => reader.count_refused(&manifests)?,
        None => 0,
    };
    Ok(exit.max(conclude(&reader, &select, refused, context)?))
}

fn timeout(text: &str) -> Result<Duration, String> {
    let length: Option<jiff::SignedDuration> = text.parse().ok();
    let length = length.and_then(|length| Duration::try_from(length).ok());
    length.ok_or_else(|| "allowed: a duration such as `30s` or `2h`".to_owned())
}

fn rows(reader: &Reader, select: &Select) -> Result<Vec<i64>> {
    Ok(reader.selected(&reader.select(select)?, SortBy::Read, None, usize::MAX)?.ids)
}

fn wait(
    reader: &Reader,
    select: &Select,
    timeout: Option<Duration>,
    context: &mut CommandContext<'_>,
) -> Result<()> {
    let (begun, mut seen) = (Instant::now(), None);
    let running = |state: &State| !state.is_finished() && *state != State::Unresolved;
    let states: Vec<State> = State::ALL.into_iter().filter(running).collect();
    let running = Select { states, ..select.clone() };
    loop {
        let version = reader.version()?;
        if seen != Some(version) {
            if count(reader, &running, 1)? == 0 {
                return Ok(());
            }
            if seen.is_none() {
                note_absent_daemon(context)?;
            }
            seen = Some(version);
        }
        let left = timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            let ms = timeout.map_or(0, |timeout| timeout.as_millis());
            let waited = duration(i64::try_from(ms).unwrap_or(i64::MAX));
            let jobs = count(reader, &running, usize::MAX)?;
            let have = if jobs == 1 { "has" } else { "have" };
            let error = format!("after {waited}, {} {have} not ended", counted(jobs, "job"));
            return Err(CommandError::new(ExitCode::Failed, error)
                .hint("`lipsyncd status` shows what holds the queue"));
        }
        thread::sleep(left.map_or(ASK_EVERY, |left| left.min(ASK_EVERY)));
    }
}

fn count(reader: &Reader, select: &Select, most: usize) -> Result<usize> {
    Ok(reader.count_selected(&reader.select(select)?, most)?)
}

/// Prints how the jobs ended, and how many manifests with errors there are.
fn conclude(
    reader: &Reader,
    select: &Select,
    refused: usize,
    context: &mut CommandContext<'_>,
) -> Result {
    let mut parts = Vec::new();
    let mut exit = ExitCode::Done;
    let mut add = |select: Select, name: &str, code: ExitCode| -> Result<()> {
        let jobs = count(reader, &select, usize::MAX)?;
        if jobs > 0 {
            parts.push(format!("{jobs} {name}"));
            exit = exit.max(code);
        }
        Ok(())
    };
    let in_state = |state| Select { states: vec![state], ..select.clone() };
    let failed = |dismissed| Select { dismissed: Some(dismissed), ..in_state(State::Failed) };
    add(in_state(State::Succeeded), "succeeded", ExitCode::Done)?;
    add(in_state(State::Cancelled), "cancelled", ExitCode::Done)?;
    add(failed(true), "failed and dismissed", ExitCode::Done)?;
    add(failed(false), "failed", ExitCode::Failed)?;
    add(in_state(State::Unresolved), "unresolved", ExitCode::Failed)?;
    let changed = Select { changed: Some(true), ..select.clone() };
    add(changed, "changed after being sent", ExitCode::Failed)?;
    if refused > 0 {
        parts.push(format!("{} with errors", counted(refused, "manifest")));
        exit = ExitCode::Failed;
    }
    match parts.is_empty() {
        true => writeln!(context.err, "no jobs")?,
        false => writeln!(context.out, "{}", parts.join(", "))?,
    }
    Ok(exit)
}
