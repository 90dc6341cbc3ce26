//! `lipsyncd retry`: makes jobs again with another take. Only this command and `take:` in a manifest pay again.

mod plan;

use std::{
    collections::HashSet,
    io::{self, BufRead as _, IsTerminal as _},
    sync::{Mutex, PoisonError},
};

use clap::{ArgGroup, ValueHint};

use self::plan::RetryPlan;
use super::{
    CommandContext, CommandError, Decision, ExitCode, JobUpdater, NotChanged, Result,
    list::each_page, note_absent_daemon, open, refused, safe,
};
use crate::{
    job::{State, retried_take},
    store::{Command, JobState, Reader, Select},
};

/// Make jobs again with another take, which can pay again
///
/// Only a task that Kling accepted uses up its take. A job that failed before that sends the same take again. A
/// job that succeeded, or failed at Kling, gets the next take; the name of its task ends in -2, -3, … If that
/// task exists already, its result is used and nothing is paid. If a task failed because Kling did not show it,
/// Kling is asked first, and the task is used if it exists.
///
/// The command first shows the jobs and the number of paid tasks. On a terminal it asks for confirmation;
/// elsewhere it needs --yes. The exit code is 1 if one of the jobs cannot be retried.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("selection").required(true),
    after_help = "Examples:\n  \
    lipsyncd retry promo/en promo/fr\n  \
    lipsyncd retry --failed --yes")]
pub(super) struct Args {
    /// Keys of jobs, as `lipsyncd list` shows them
    #[arg(value_name = "JOB", value_hint = ValueHint::Other, group = "selection")]
    jobs: Vec<String>,
    /// All failed jobs, as long as they are still failed when the retry starts
    #[arg(long, group = "selection")]
    failed: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// Show what would be retried, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
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
        return retry(&updater, keys, context, move |state| decide(state, only_failed));
    }
    let plan = RetryPlan::read(keys, |state| decide(state, only_failed), &updater.reader, context)?;
    if plan.keys.is_empty() || !confirm(&plan, arguments.dry_run, context)? {
        return Ok(plan.exit);
    }
    let (keys, exit) = (plan.keys.clone(), plan.exit);
    let decide = move |state: &JobState| match decide(state, only_failed) {
        Ok(_) if !plan.has_shown(state) => refused(
            "changed after it was shown; it is not retried",
            Some(open::command("show", &state.job.spec.key)),
        ),
        decision => decision,
    };
    Ok(exit.max(retry(&updater, &keys, context, decide)?))
}

fn retry(
    updater: &JobUpdater,
    keys: &[String],
    context: &mut CommandContext<'_>,
    decide: impl Fn(&JobState) -> Decision + Send + Sync + 'static,
) -> Result {
    let started = Mutex::new(HashSet::new());
    let decide = move |state: &JobState| {
        let decision = decide(state);
        let mut started = started.lock().unwrap_or_else(PoisonError::into_inner);
        match (&decision, &state.task) {
            (Ok(_), _) => started.extend(state.retry_task.clone()),
            // Retrying one job also retries the other jobs of its task.
            (Err(NotChanged::Refused(..)), Some(task))
                if state.job.state.is_unsent()
                    && started.contains(&(task.request_hash.clone(), task.take)) =>
            {
                return Err(NotChanged::AlreadyDone(describe(state)));
            }
            _ => {}
        }
        decision
    };
    let exit = updater.update_all(keys, context, decide, describe)?;
    note_absent_daemon(context)?;
    Ok(exit)
}

fn failed_jobs(reader: &Reader) -> Result<Vec<String>> {
    let select = Select { dismissed: Some(false), ..Select::in_state(State::Failed) };
    let mut keys = Vec::new();
    each_page(reader, &reader.select(&select)?, |jobs| {
        keys.extend(jobs.into_iter().map(|job| job.key));
        Ok(())
    })?;
    Ok(keys)
}

fn confirm(plan: &RetryPlan, dry_run: bool, context: &mut CommandContext<'_>) -> Result<bool> {
    let text = plan.text();
    let plan = safe(&text);
    if dry_run {
        writeln!(context.out, "Would retry {plan}. Nothing was changed.")?;
        return Ok(false);
    }
    if !io::stdin().is_terminal() {
        let error = format!("confirmation needed to retry {plan}");
        return Err(CommandError::new(ExitCode::Usage, error)
            .hint("add --yes to confirm, or --dry-run to only see what it would do"));
    }
    context.out.flush()?;
    write!(context.err, "Retry {plan}. Continue? [y/N] ")?;
    context.err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !is_yes {
        writeln!(context.err, "Nothing was changed.")?;
    }
    Ok(is_yes)
}

fn describe(state: &JobState) -> String {
    let JobState { job, task: Some(task), earlier, shares_with, .. } = state else {
        return "its media are checked again, then it starts".to_owned();
    };
    let take = retried_take(task.take, job, earlier.as_ref());
    if task.was_accepted() {
        return format!("{take} exists already; its result is used and nothing is paid");
    }
    let others = shares_with.first();
    let shared = others.map(|other| format!("; it shares the task of {other}")).unwrap_or_default();
    let is_changed =
        earlier.as_ref().is_some_and(|earlier| earlier.request_hash != task.request_hash);
    let kept =
        if is_changed && job.delivered.is_some() { "; the earlier result is kept" } else { "" };
    format!("{take} begins{shared}{kept}")
}

fn decide(state: &JobState, only_failed: bool) -> Decision {
    let JobState { job, task, manifest, .. } = state;
    if only_failed && (job.state != State::Failed || job.dismissed) {
        return Err(NotChanged::NotSelected);
    }
    match job.state {
        State::Cancelled if job.was_removed() => refused(
            format!("it was removed from {manifest}"),
            Some("put it back there; it then runs without a retry".to_owned()),
        ),
        State::Failed | State::Cancelled | State::Succeeded if job.absent_since_ms.is_some() => {
            let mut hint = "put it back into the folder first".to_owned();
            if job.state == State::Failed || job.changed_after_sent {
                hint += &format!(
                    ", or accept it as it is: {}",
                    open::command("dismiss", &job.spec.key)
                );
            }
            refused(format!("its manifest {manifest} does not contain it any more"), Some(hint))
        }
        State::Failed | State::Cancelled | State::Succeeded => Ok(Command::Retry),
        State::Waiting | State::Queued | State::Identified => refused(
            format!("is {} and continues automatically", job.state),
            Some(open::command("show", &job.spec.key)),
        ),
        State::Creating => refused(
            "is creating: lipsyncd checks whether Kling accepted its create request",
            Some(open::command("show", &job.spec.key)),
        ),
        State::Submitted | State::Processing | State::Downloading => {
            let id = task.as_ref().and_then(|task| task.task_id.as_deref()).unwrap_or_default();
            refused(
                format!("is {}: task {id} is paid, and lipsyncd follows it to its end", job.state),
                Some("retry it after it has ended".to_owned()),
            )
        }
        State::Unresolved => refused(
            "is unresolved: Kling may have accepted its create request, and a retry could pay twice",
            Some(format!("{} --task ID | --resend", open::command("resolve", &job.spec.key))),
        ),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    #[test]
    fn retry_takes_keys_or_failed() {
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
