//! `lipsyncd resolve`: a person decides a create request with an unknown outcome.

use clap::{ArgGroup, ValueHint};

use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    open,
    update::{Decision, JobUpdater, NotChanged, note_absent_daemon},
};
use crate::{
    job::{Account, Outcome, Task},
    store::{Command, JobState, ResendRisk},
};

/// Decide a job whose create request has an unknown outcome: which task it is, or that there is none
///
/// A job is `unresolved` when nothing that Kling can be asked shows whether it has a task of the create
/// request: a task of the account could be it and shows no name, the account answers no lookups by
/// external_task_id, a task has the name and may be another one, or lookups failed for
/// `retry.give_up_after`. lipsyncd looks it up again hourly, and whenever more becomes known. A job that is
/// still `creating` can be decided as well, unless its request is in flight; so can a task of an earlier
/// request of the job (the line `unresolved` of `lipsyncd show JOB`).
///
/// To find out: `lipsyncd show JOB` shows when the create request was sent and under which
/// external_task_id, and lists the tasks of your account that could be it. If one of them is it, give its
/// id by --task: the task is followed to its end and not paid for again. Only if there is none, use
/// --resend: if Kling has a task after all, it is paid for twice. So --resend is refused while lipsyncd still
/// looks the job up, while the list of the account's tasks was not read far enough, if a listed task could be the
/// one, if Kling said that the name exists, and at another host than before, unless --yes is given. The list is
/// read once more before the request is sent. A task that Kling does not know may be corrected by another --task.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("decision").required(true),
    after_help = "Examples:\n  \
    lipsyncd show promo/en\n  \
    lipsyncd resolve promo/en --task 837291047210934\n  \
    lipsyncd resolve promo/en --resend")]
pub struct Args {
    /// The key of the job, as `lipsyncd list --state unresolved` shows it
    #[arg(value_name = "JOB", value_hint = ValueHint::Other)]
    job: String,
    /// This task of the account is it
    #[arg(long, value_name = "ID", group = "decision", value_hint = ValueHint::Other)]
    task: Option<String>,
    /// Kling has no task of it: send the create request again
    #[arg(long, group = "decision")]
    resend: bool,
    /// With --resend: send it although Kling may have the task, and pay twice if it has
    #[arg(long, conflicts_with = "task")]
    yes: bool,
}

pub(super) fn run(
    arguments: &Args,
    context: &mut CommandContext<'_>,
) -> Result<ExitCode, CommandError> {
    let updater = JobUpdater::open(context)?;
    let outcome = match &arguments.task {
        Some(task_id) => {
            let task_id = task_id.trim().to_owned();
            require_free(&updater, &arguments.job, &task_id)?;
            Outcome::ResolvedAs { task_id }
        }
        None => Outcome::ResolvedAsUnsent { is_sure: arguments.yes },
    };
    // Only the host matters, and no key is at hand.
    let host = Account::new(&context.config.kling.base_url, String::new()).host;
    let (names_a_task, is_sure) = (arguments.task.is_some(), arguments.yes);
    let judge = move |state: &JobState| -> Decision {
        let key = &state.job.spec.key;
        let is_not_found = state.task.as_ref().is_some_and(|task| task.is_not_found());
        match state.to_decide() {
            Some(task) if task.is_sending() => Err(NotChanged::Refused(
                "its create request is in flight, or was not looked up since it was sent"
                    .to_owned(),
                Some("try again in a moment, while the daemon runs".to_owned()),
            )),
            Some(_) if names_a_task || is_sure => Ok(Command::Task(outcome.clone())),
            Some(task) if is_of_other_host(task, &host) => Err(NotChanged::Refused(
                "its create request was sent to another host, which may have its task: set \
                 kling.base_url back"
                    .to_owned(),
                Some("--yes sends it to the host that is configured now, all the same".to_owned()),
            )),
            Some(_) => danger(state).map_or(Ok(Command::Task(outcome.clone())), Err),
            // The task that was named before does not exist: another may be named.
            None if is_not_found && names_a_task => Ok(Command::Task(outcome.clone())),
            None => Err(NotChanged::Refused(
                format!("is {}: there is nothing to decide", state.job.state),
                Some(open::command("show", key)),
            )),
        }
    };
    let unlisted = match &arguments.task {
        Some(task_id) => is_unlisted(&updater, &arguments.job, task_id.trim())?,
        None => false,
    };
    let job = std::slice::from_ref(&arguments.job);
    let said = |state: &JobState| said(state, arguments.task.as_deref());
    let exit = updater.update_all(job, context, judge, said)?;
    if exit == ExitCode::Done {
        if unlisted {
            note_unlisted(&arguments.job, context)?;
        }
        note_absent_daemon(context)?;
    }
    Ok(exit)
}

fn is_of_other_host(task: &Task, host: &str) -> bool {
    task.create.as_ref().is_some_and(|create| create.host != host)
}

/// Why sending again may pay twice, as far as it is known.
fn danger(state: &JobState) -> Option<NotChanged> {
    let show = open::command("show", &state.job.spec.key);
    let why = match state.resend_risk()? {
        ResendRisk::StillChecking => {
            "lipsyncd still looks it up, and sends it again by itself once Kling is known to have \
             no task of it"
                .to_owned()
        }
        ResendRisk::NameExists => {
            "Kling said that a task of its name exists, and it would be paid twice".to_owned()
        }
        ResendRisk::ListNotRead => {
            "the list of the account's tasks was not read far enough, and may hold its task"
                .to_owned()
        }
        ResendRisk::Candidate(task_id) if state.candidates.len() == 1 => {
            format!("task {task_id} could be it, and would be paid twice")
        }
        ResendRisk::Candidate(task_id) => format!(
            "{} tasks of the account could be it, such as {task_id}: it would be paid twice",
            state.candidates.len()
        ),
    };
    let hint = format!("`{show}` shows what is known; --yes sends the create request all the same");
    Some(NotChanged::Refused(why, Some(hint)))
}

fn said(state: &JobState, task_id: Option<&str>) -> String {
    let task = state.task.as_ref().filter(|task| !task.was_accepted());
    match (task_id, task) {
        (Some(task_id), _) => {
            format!("is task {} now, which is followed to its end", task_id.trim())
        }
        (None, Some(task)) => format!("is sent again as {}", task.external_task_id()),
        (None, None) => "its earlier create request is not sent again".to_owned(),
    }
}

/// Whether a job is given a task that is not among those that it could be.
fn is_unlisted(updater: &JobUpdater, key: &str, task_id: &str) -> Result<bool, CommandError> {
    let state = updater.reader.job_state(key)?;
    Ok(state.is_some_and(|state| {
        state.to_decide().is_some()
            && !state.candidates.iter().any(|candidate| candidate.task_id == task_id)
    }))
}

fn note_unlisted(key: &str, context: &mut CommandContext<'_>) -> Result<(), CommandError> {
    context.out.flush()?;
    writeln!(
        context.err,
        "warning: that task is not among those that `{}` listed; if it was a slip, name another by \
         `{} --task ID` as long as Kling does not know it",
        open::command("show", key),
        open::command("resolve", key)
    )?;
    Ok(())
}

/// One task is one job's: two jobs with one task would deliver the same video under two names.
fn require_free(updater: &JobUpdater, key: &str, task_id: &str) -> Result<(), CommandError> {
    let plausible = !task_id.is_empty() && task_id.len() <= 128;
    if !plausible || !task_id.chars().all(|character| character.is_ascii_graphic()) {
        let what = format!("--task {task_id}: that is no id of a task");
        return Err(CommandError::new(ExitCode::Usage, what)
            .hint("it is the task_id that Kling gave, such as 837291047210934"));
    }
    match updater.reader.owner_of_task(task_id)? {
        Some(owner) if !is_of(updater, key, &owner)? => Err(CommandError::new(
            ExitCode::Failed,
            format!("{key}: task {task_id} is job {owner}'s"),
        )
        .hint(format!("`{}` shows that job", open::command("show", &owner)))),
        _ => Ok(()),
    }
}

/// Whether two jobs share one task.
fn is_of(updater: &JobUpdater, key: &str, owner: &str) -> Result<bool, CommandError> {
    let state = updater.reader.job_state(key)?;
    Ok(key == owner
        || state.is_some_and(|state| state.shares_with.iter().any(|other| other == owner)))
}
