//! `lipsyncd resolve`: a person decides what became of a create whose answer was lost.

use clap::{ArgGroup, ValueHint};

use super::{
    CommandError, Context, ExitCode,
    change::{Changer, No, Verdict, note_absent_daemon},
    open,
};
use crate::{
    job::{Outcome, State},
    store::{Command, JobState},
};

/// Decide an unresolved job: which task it is, or that it was never accepted
///
/// A job is `unresolved` when the answer to its create was lost and lookups by external_task_id cannot
/// tell what became of it, most often because the account does not answer them: nobody but you can
/// tell whether Kling accepted it.
///
/// To find out: `lipsyncd show JOB` tells when the create was sent and under which external_task_id,
/// and lists the tasks of your account that could be it. If one of them is it, give its id by --task:
/// it is followed to its end and not paid for again. Only if there is none, say --resend: should
/// there be one after all, it is paid for twice. A task that Kling does not know may be corrected by
/// another --task.
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
    /// It was never accepted: send it again
    #[arg(long, group = "decision")]
    resend: bool,
}

pub(super) fn run(arguments: &Args, context: &mut Context<'_>) -> Result<ExitCode, CommandError> {
    let changer = Changer::open(context)?;
    let outcome = match &arguments.task {
        Some(task_id) => {
            let task_id = task_id.trim().to_owned();
            require_free(&changer, &arguments.job, &task_id)?;
            Outcome::ResolvedAs { task_id }
        }
        None => Outcome::ResolvedAsUnsent,
    };
    let names_a_task = arguments.task.is_some();
    let judge = move |state: &JobState| -> Verdict {
        let key = &state.job.spec.key;
        let is_unseen = state.task.as_ref().is_some_and(|task| task.is_unseen());
        match state.job.state {
            State::Unresolved => Ok(Command::Task(outcome.clone())),
            // The task that was named before does not exist: another may be named.
            State::Submitted if is_unseen && names_a_task => Ok(Command::Task(outcome.clone())),
            _ if state.undecided.is_some() => Ok(Command::Task(outcome.clone())),
            other => Err(No::Refused(
                format!("is {other}, not unresolved: there is nothing to decide"),
                Some(open::command("show", key)),
            )),
        }
    };
    let unlisted = match &arguments.task {
        Some(task_id) => is_unlisted(&changer, &arguments.job, task_id.trim())?,
        None => false,
    };
    let job = std::slice::from_ref(&arguments.job);
    let said = |state: &JobState| said(state, arguments.task.as_deref());
    let exit = changer.change_all(job, context, judge, said)?;
    if exit == ExitCode::Done {
        if unlisted {
            note_unlisted(&arguments.job, context)?;
        }
        note_absent_daemon(context)?;
    }
    Ok(exit)
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

/// Whether an unresolved job is given a task that is not among those that it could be.
fn is_unlisted(changer: &Changer, key: &str, task_id: &str) -> Result<bool, CommandError> {
    let detail = changer.reader.detail(key)?;
    Ok(detail.is_some_and(|detail| {
        (detail.state.job.state == State::Unresolved || detail.state.undecided.is_some())
            && !detail.candidates.iter().any(|candidate| candidate.task_id == task_id)
    }))
}

fn note_unlisted(key: &str, context: &mut Context<'_>) -> Result<(), CommandError> {
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
fn require_free(changer: &Changer, key: &str, task_id: &str) -> Result<(), CommandError> {
    let plausible = !task_id.is_empty() && task_id.len() <= 128;
    if !plausible || !task_id.chars().all(|character| character.is_ascii_graphic()) {
        let what = format!("--task {task_id}: that is no id of a task");
        return Err(CommandError::new(ExitCode::Usage, what)
            .hint("it is the task_id that Kling gave, such as 837291047210934"));
    }
    match changer.reader.owner_of_task(task_id)? {
        Some(owner) if !is_of(changer, key, &owner)? => Err(CommandError::new(
            ExitCode::Failed,
            format!("{key}: task {task_id} is job {owner}'s"),
        )
        .hint(format!("`{}` shows that job", open::command("show", &owner)))),
        _ => Ok(()),
    }
}

/// Whether two jobs share one task.
fn is_of(changer: &Changer, key: &str, owner: &str) -> Result<bool, CommandError> {
    let state = changer.reader.job_state(key)?;
    Ok(key == owner
        || state.is_some_and(|state| state.shares_with.iter().any(|other| other == owner)))
}
