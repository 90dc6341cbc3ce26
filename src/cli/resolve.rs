//! `lipsyncd resolve`: a person decides a create request with an unknown outcome.

use std::{
    collections::HashSet,
    io::{self, IsTerminal as _},
    sync::{Arc, Mutex, PoisonError},
};

use clap::{ArgGroup, ValueHint};

use super::{
    CommandContext, CommandError, ExitCode, Result, open,
    select::SelectArgs,
    update::{ActionWords, Change, change},
};
use crate::{
    actions::{Decision, JobAction, NotChanged, Payment, refused},
    job::{Account, JobId, Outcome, State, Task},
    store::{Command, JobState, Reader, ResendRisk, Select},
};

/// Decide a job whose create request has an unknown outcome
///
/// A job is `unresolved` when lipsyncd cannot find out whether Kling accepted its create request: a task of the
/// account may be the job's and shows no name; the account answers no lookups by external_task_id; a task has
/// the job's name and may belong to another request; or lookups failed for `retry.give_up_after`. lipsyncd
/// checks again hourly, and when it learns more. You can also decide a job that is `creating`, unless its
/// request is in flight, and a task of an earlier request of the job (the line `unresolved` of
/// `lipsyncd show JOB`).
///
/// First run `lipsyncd show JOB`. It shows when the create request was sent, its external_task_id, and the
/// tasks of your account that may be the job's. If one of them is, give its id with --task: lipsyncd follows
/// the task to its end, and it is not paid again. A wrong id can be corrected with another --task as long as
/// Kling does not know it.
///
/// Use --resend only if there is no such task: if Kling has one after all, it is paid twice. Therefore
/// --resend needs --yes if lipsyncd still checks the job, if the list of the account's tasks was not read far
/// enough, if a listed task may be the job's, if Kling said that the name exists, or if the request was sent to
/// another host. The list is read again before the request is sent. Without keys of jobs, --resend selects unresolved
/// jobs, and shows their number and price first. On a terminal it asks; elsewhere it needs --yes, unless jobs are
/// selected by their keys alone.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("decision").required(true),
    after_help = "Examples:\n  \
    lipsyncd show promo/en\n  \
    lipsyncd resolve promo/en --task 837291047210934\n  \
    lipsyncd resolve promo/en --resend")]
pub(super) struct Args {
    #[command(flatten)]
    select: SelectArgs,
    /// The task at Kling that belongs to this job
    #[arg(long, value_name = "ID", group = "decision", value_hint = ValueHint::Other)]
    task: Option<String>,
    /// Kling has no such task: send the create request again
    #[arg(long, group = "decision")]
    resend: bool,
    /// With --resend: do not ask; and if jobs are named by their keys alone, send their requests even if Kling may
    /// have the tasks, which then are paid twice
    #[arg(long, conflicts_with = "task")]
    yes: bool,
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

const RESOLVE: ActionWords = ActionWords { name: "resolve", done: "resolved" };
const RESEND: ActionWords = ActionWords { name: "resend", done: "to be sent again" };

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let select = arguments.select.required(open::now_ms())?;
    match &arguments.task {
        Some(task_id) => adopt(task_id.trim(), select, arguments.dry_run, context),
        None => resend(arguments, select, context),
    }
}

/// A person named the task of one job.
fn adopt(task_id: &str, select: Select, dry_run: bool, context: &mut CommandContext<'_>) -> Result {
    let [key] = select.keys.as_slice() else {
        let error = "--task belongs to one job, which must be named by its key";
        return Err(CommandError::new(ExitCode::Usage, error));
    };
    let (key, reader) = (key.clone(), open::reader(context.config)?);
    let before = reader.job_state(&key)?;
    require_free(&reader, &key, task_id, before.as_ref())?;
    let is_unlisted = before.is_some_and(|state| is_unlisted(&state, task_id));
    let action = action(Outcome::ResolvedAs { task_id: task_id.to_owned() }, false, context);
    let needs_daemon = true;
    let resolve = Change { dry_run, needs_daemon, ..Change::of(RESOLVE, select, action) };
    let exit = change(resolve, context)?;
    if exit == ExitCode::Done && is_unlisted && !dry_run {
        warn_unlisted(&key, context)?;
    }
    Ok(exit)
}

/// Kling has no task of these jobs. On a terminal the price is shown first.
fn resend(arguments: &Args, mut select: Select, context: &mut CommandContext<'_>) -> Result {
    let is_by_key = select.is_by_key();
    if select.keys.is_empty() && select.states.is_empty() {
        select.states = vec![State::Unresolved];
    }
    let Args { yes, dry_run, .. } = *arguments;
    // A person who names a job has looked at it. Of others, none is sent that Kling may have.
    let is_sure = yes && is_by_key;
    let action = action(Outcome::ResolvedAsUnsent { is_sure }, is_sure, context)
        .only_while_selected(&select)
        .paying_for(undecided_task);
    let resend = Change {
        asks: !yes && (!is_by_key || io::stdin().is_terminal()),
        dry_run,
        needs_daemon: true,
        payment: |plan| format!(": {}", plan.payment_text()),
        ..Change::of(RESEND, select, action)
    };
    change(resend, context)
}

fn undecided_task(state: &JobState) -> Payment {
    match state.to_decide() {
        Some(task) => Payment::Task(task.request_hash.clone(), task.take),
        None => Payment::Nothing,
    }
}

fn action(outcome: Outcome, is_confirmed: bool, context: &CommandContext<'_>) -> JobAction {
    // Only the host matters here, not the key.
    let host = Account::new(&context.config.kling.base_url, String::new()).host;
    let task_id = match &outcome {
        Outcome::ResolvedAs { task_id } => Some(task_id.clone()),
        _ => None,
    };
    // Rows of the jobs whose earlier request was decided.
    let superseded: Arc<Mutex<HashSet<JobId>>> = Arc::default();
    let decided = Arc::clone(&superseded);
    let decide = move |state: &JobState| {
        if is_superseded(state) {
            decided.lock().unwrap_or_else(PoisonError::into_inner).insert(state.job.id);
        }
        decide(state, &outcome, is_confirmed, &host)
    };
    JobAction::new(decide, move |state| {
        let superseded = superseded.lock().unwrap_or_else(PoisonError::into_inner);
        describe(state, task_id.as_deref(), superseded.contains(&state.job.id))
    })
}

fn decide(state: &JobState, outcome: &Outcome, is_confirmed: bool, host: &str) -> Decision {
    let names_a_task = matches!(outcome, Outcome::ResolvedAs { .. });
    let resolved = || Ok(Command::Task(outcome.clone()));
    match state.to_decide() {
        Some(task) if task.is_sending() => refused(
            "its create request is in flight, or was not checked since it was sent",
            Some("try again in a moment, while the daemon runs".to_owned()),
        ),
        Some(_) if names_a_task || is_confirmed => resolved(),
        Some(task) if is_of_other_host(task, host) => refused(
            "its create request was sent to another host, which may have the task",
            Some(format!(
                "set kling.base_url back to that host, or add --yes to send it to {host}"
            )),
        ),
        Some(_) => resend_risk(state).map_or_else(resolved, Err),
        // Kling does not know the task that was named before: another may be named.
        None if names_a_task && state.task.as_ref().is_some_and(Task::is_not_found) => resolved(),
        None => refused(
            format!("is {}: there is nothing to decide", state.job.state),
            Some(open::command("show", &state.job.spec.key)),
        ),
    }
}

fn is_of_other_host(task: &Task, host: &str) -> bool {
    task.create.as_ref().is_some_and(|create| create.host != host)
}

/// Returns why sending again may pay twice, as far as lipsyncd knows.
fn resend_risk(state: &JobState) -> Option<NotChanged> {
    let why = match state.resend_risk()? {
        ResendRisk::StillChecking => {
            "lipsyncd still checks whether Kling accepted its create request, and sends it again \
             automatically if not"
                .to_owned()
        }
        ResendRisk::NameExists => {
            "Kling said that a task with its name exists; sending again would pay twice".to_owned()
        }
        ResendRisk::ListNotRead => {
            "the list of the account's tasks was not read far enough, and may contain its task"
                .to_owned()
        }
        ResendRisk::Candidate(task_id) if state.candidates.len() == 1 => {
            format!("task {task_id} may be this job's; sending again would pay twice")
        }
        ResendRisk::Candidate(task_id) => format!(
            "{} tasks of the account may be this job's, for example {task_id}; sending again would \
             pay twice",
            state.candidates.len()
        ),
    };
    let show = open::command("show", &state.job.spec.key);
    let hint = format!("`{show}` shows what is known; add --yes to send the request anyway");
    Some(NotChanged::Refused { why, hint: Some(hint) })
}

fn describe(state: &JobState, task_id: Option<&str>, is_superseded: bool) -> String {
    let task = state.task.as_ref().filter(|task| !task.was_accepted());
    match (task_id, task) {
        (Some(id), _) if is_superseded => {
            format!("task {id} belongs to its earlier request; lipsyncd follows it to its end")
        }
        (Some(id), _) => format!("is task {id}; lipsyncd follows it to its end"),
        (None, Some(task)) if !is_superseded => {
            format!("is sent again as {}", task.external_task_id())
        }
        // No job asks for the earlier request any more.
        (None, _) => "its earlier create request is closed and not sent again".to_owned(),
    }
}

/// Whether the decision is about an earlier request, which no job asks for any more.
fn is_superseded(state: &JobState) -> bool {
    let earlier = state.undecided.as_ref().map(|task| task.id);
    earlier.is_some() && state.to_decide().map(|task| task.id) == earlier
}

fn is_unlisted(state: &JobState, task_id: &str) -> bool {
    state.to_decide().is_some()
        && !state.candidates.iter().any(|candidate| candidate.task_id == task_id)
}

fn warn_unlisted(key: &str, context: &mut CommandContext<'_>) -> Result<()> {
    context.out.flush()?;
    writeln!(
        context.err,
        "warning: `{}` did not list this task; if the id is wrong, run `{} --task ID` with \
         the right id, as long as Kling does not know the wrong one",
        open::command("show", key),
        open::command("resolve", key)
    )?;
    Ok(())
}

/// Refuses the task of another job: two jobs with one task would deliver the same video under two names.
fn require_free(reader: &Reader, key: &str, task_id: &str, state: Option<&JobState>) -> Result<()> {
    let has_id_length = (1..=128).contains(&task_id.len());
    if !has_id_length || !task_id.chars().all(|character| character.is_ascii_graphic()) {
        let error = format!("--task {task_id}: this is not a task id");
        return Err(CommandError::new(ExitCode::Usage, error)
            .hint("use the task_id that Kling gave, for example 837291047210934"));
    }
    let shares_with = state.map(|state| state.shares_with.as_slice()).unwrap_or_default();
    match reader.owner_of_task(task_id)? {
        Some(owner) if owner != key && !shares_with.contains(&owner) => Err(CommandError::new(
            ExitCode::Failed,
            format!("{key}: task {task_id} belongs to job {owner}"),
        )
        .hint(format!("`{}` shows that job", open::command("show", &owner)))),
        _ => Ok(()),
    }
}
