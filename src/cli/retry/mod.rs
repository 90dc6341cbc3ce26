//! `lipsyncd retry`: another take, the one way to pay again.

mod plan;

use std::{
    collections::HashSet,
    io::{self, BufRead as _, IsTerminal as _},
    sync::{Mutex, PoisonError},
};

use clap::{ArgGroup, ValueHint};

use self::plan::RetryPlan;
use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    open,
    text::safe,
    update::{Decision, JobUpdater, NotChanged, note_absent_daemon},
};
use crate::{
    job::{State, retried_take},
    store::{Command, JobFilter, JobState, Reader},
};

/// Make jobs again: another take, which is paid for again
///
/// A take is used up only by a task that Kling accepted: a job that failed before sends the same take again. A
/// job that succeeded, or failed at Kling, moves to the next take, whose task has the same name with -2, -3, …
/// If that task exists already, its result is used and nothing is paid. A task that failed because Kling did
/// not show it is asked for first, and used if Kling shows it. The jobs and how many tasks are paid
/// are shown first; on a terminal the command asks, elsewhere it needs --yes. The exit code is 1 if one of the jobs
/// cannot be made again.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("selection").required(true),
    after_help = "Examples:\n  \
    lipsyncd retry promo/en promo/fr\n  \
    lipsyncd retry --failed --yes")]
pub struct Args {
    /// Keys of jobs, as `lipsyncd list` shows them
    #[arg(value_name = "JOB", value_hint = ValueHint::Other, group = "selection")]
    jobs: Vec<String>,
    /// All jobs that are failed, and still are when they are written
    #[arg(long, group = "selection")]
    failed: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// So many failed jobs are read at once.
const PAGE: usize = 1_000;

pub(super) fn run(
    arguments: &Args,
    context: &mut CommandContext<'_>,
) -> Result<ExitCode, CommandError> {
    let updater = JobUpdater::open(context)?;
    let failed;
    let keys = if arguments.failed {
        failed = failed_jobs(&updater.reader)?;
        &failed
    } else {
        &arguments.jobs
    };
    if keys.is_empty() {
        writeln!(context.out, "No job has failed.")?;
        return Ok(ExitCode::Done);
    }
    let only_failed = arguments.failed;
    if arguments.yes && !arguments.dry_run {
        return carry_out(&updater, keys, context, move |state| judge(state, only_failed));
    }
    let plan = RetryPlan::read(keys, |state| judge(state, only_failed), &updater.reader, context)?;
    if plan.keys.is_empty() || !confirm(&plan, arguments.dry_run, context)? {
        return Ok(plan.exit);
    }
    let (keys, exit) = (plan.keys.clone(), plan.exit);
    let judge = move |state: &JobState| match judge(state, only_failed) {
        Ok(_) if !plan.has_shown(state) => Err(NotChanged::Refused(
            "changed since it was shown: it is left as it is".to_owned(),
            Some(open::command("show", &state.job.spec.key)),
        )),
        judged => judged,
    };
    Ok(exit.max(carry_out(&updater, &keys, context, judge)?))
}

fn carry_out(
    updater: &JobUpdater,
    keys: &[String],
    context: &mut CommandContext<'_>,
    judge: impl Fn(&JobState) -> Decision + Send + Sync + 'static,
) -> Result<ExitCode, CommandError> {
    let begun = Mutex::new(HashSet::new());
    let judge = move |state: &JobState| {
        let judged = judge(state);
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        match (&judged, &state.task) {
            (Ok(_), _) => begun.extend(state.retry_task.clone()),
            // The retry of one job takes the others of its task along.
            (Err(NotChanged::Refused(..)), Some(task))
                if state.job.state.is_unsent()
                    && begun.contains(&(task.request_hash.clone(), task.take)) =>
            {
                return Err(NotChanged::AlreadyDone(said(state)));
            }
            _ => {}
        }
        judged
    };
    let exit = updater.update_all(keys, context, judge, said)?;
    note_absent_daemon(context)?;
    Ok(exit)
}

fn failed_jobs(reader: &Reader) -> Result<Vec<String>, CommandError> {
    let filter = JobFilter { state: Some(State::Failed), manifest: None };
    let (mut keys, mut after) = (Vec::new(), Some(0));
    while let Some(row) = after {
        let (lines, next) = reader.page(&filter, row, PAGE)?;
        let counted = lines.into_iter().filter(|line| !line.dismissed);
        keys.extend(counted.map(|line| line.key));
        after = next;
    }
    Ok(keys)
}

/// Shows what a retry would do, and asks on a terminal.
fn confirm(
    plan: &RetryPlan,
    dry_run: bool,
    context: &mut CommandContext<'_>,
) -> Result<bool, CommandError> {
    let text = plan.text();
    let what = safe(&text);
    if dry_run {
        writeln!(context.out, "{what}. Nothing was done (--dry-run).")?;
        return Ok(false);
    }
    if !io::stdin().is_terminal() {
        return Err(CommandError::new(ExitCode::Usage, what).hint(
            "a retry pays again, and there is no terminal to confirm it: add --yes, or --dry-run to see what it would do",
        ));
    }
    context.out.flush()?;
    write!(context.err, "{what}. Go on? [y/N] ")?;
    context.err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !is_yes {
        writeln!(context.err, "Nothing was done.")?;
    }
    Ok(is_yes)
}

fn said(state: &JobState) -> String {
    let JobState { job, task: Some(task), earlier, shares_with, .. } = state else {
        return "its media are looked at again, then it starts".to_owned();
    };
    let take = retried_take(task.take, job, earlier.as_ref());
    if task.was_accepted() {
        return format!("{take} exists already: its result is used, and nothing is paid");
    }
    let others = shares_with.first();
    let shared = others.map(|other| format!("; it shares the task of {other}")).unwrap_or_default();
    let is_changed =
        earlier.as_ref().is_some_and(|earlier| earlier.request_hash != task.request_hash);
    let kept =
        if is_changed && job.delivered.is_some() { "; the earlier result is kept" } else { "" };
    format!("{take} begins{shared}{kept}")
}

fn judge(state: &JobState, only_failed: bool) -> Decision {
    let JobState { job, task, manifest, .. } = state;
    let refused = |why: String, hint| Err(NotChanged::Refused(why, hint));
    if only_failed && (job.state != State::Failed || job.dismissed) {
        return Err(NotChanged::NotSelected);
    }
    match job.state {
        State::Cancelled if job.was_removed() => refused(
            format!("it was taken out of {manifest}"),
            Some("put it back there, and it runs without a retry".to_owned()),
        ),
        State::Failed | State::Cancelled | State::Succeeded if job.absent_since_ms.is_some() => {
            let mut hint = "put it back into the folder first".to_owned();
            if job.state == State::Failed || job.changed_after_sent {
                hint += &format!(
                    ", or accept it as it is: {}",
                    open::command("dismiss", &job.spec.key)
                );
            }
            refused(format!("its manifest {manifest} does not ask for it any more"), Some(hint))
        }
        State::Failed | State::Cancelled | State::Succeeded => Ok(Command::Retry),
        State::Waiting | State::Queued | State::Identified => refused(
            format!("is {} and continues automatically", job.state),
            Some(open::command("show", &job.spec.key)),
        ),
        State::Creating => refused(
            "its create request was sent, and its outcome is being found out".to_owned(),
            Some(open::command("show", &job.spec.key)),
        ),
        State::Submitted | State::Processing | State::Downloading => {
            let id = task.as_ref().and_then(|task| task.task_id.as_deref()).unwrap_or_default();
            refused(
                format!("is {}: its task {id} is paid for and followed to its end", job.state),
                Some("retry it when it has ended".to_owned()),
            )
        }
        State::Unresolved => refused(
            "is unresolved: its create request may have been accepted, and a retry could pay twice"
                .to_owned(),
            Some(format!("{} --task ID | --resend", open::command("resolve", &job.spec.key))),
        ),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    #[test]
    fn retry_selects_jobs_or_failed() {
        let is_valid = |arguments: &str| {
            Cli::try_parse_from(format!("lipsyncd retry {arguments}").split_whitespace()).is_ok()
        };
        for valid in ["a b", "a --yes", "--failed", "--failed --yes --dry-run"] {
            assert!(is_valid(valid), "{valid}");
        }
        for invalid in ["", "--yes", "--dry-run --yes", "a --failed"] {
            assert!(!is_valid(invalid), "{invalid}");
        }
    }
}
