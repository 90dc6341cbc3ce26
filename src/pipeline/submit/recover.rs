//! Recovers a create request with an unknown outcome: asks Kling for its task, and sends the request again only once the
//! task has been absent for `kling.create_settle`.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Conclusion, Inquiry, LOOKUP_AGE_MAX, Lookup, Sending, by_name, inquire, send};
use crate::{
    job::{
        CreateAnswer, Failure, Outcome, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::Api,
    pipeline::{
        AccountSignal, CallKind, Obstacle, PaidCallPermit, StepContext, StepEnd, check_output,
        load_audio,
    },
    store::{Lookups, StoreError},
};

enum Next {
    Record(Outcome, Option<AccountSignal>),
    SendAgain { absent_ms: i64 },
}

/// Asks for the task of a create request, and records the result or sends the request again.
pub(crate) async fn recover<A: Api>(
    context: &StepContext<A>,
    task: Arc<Task>,
    permit: &PaidCallPermit,
) -> Result<StepEnd, StoreError> {
    let asked_at = Instant::now();
    let Inquiry { conclusion, answer, candidates, is_new_listed, .. } =
        inquire(context, &task, None).await?;
    let is_listed = candidates.as_ref().is_some_and(|(candidates, _)| !candidates.is_empty());
    // A session that is not young may have expired. Then only a task that was created since can be this one.
    let is_maybe_listed =
        is_new_listed || is_listed && task.is_session_young(context.clock.now_ms());
    if let Some((candidates, listed)) = candidates {
        context.store.set_candidates(task.id, candidates, listed).await?;
    }
    match next(context, &task, conclusion, is_maybe_listed, asked_at) {
        Next::SendAgain { absent_ms } => {
            send_again(context, task, absent_ms, asked_at, permit).await
        }
        Next::Record(outcome, signal) => {
            let task = context.record(&task, outcome, answer).await?;
            if task.create.is_none() || task.was_accepted() {
                context.not_found_timer.forget(task.id);
            }
            Ok(StepEnd::new(task, signal))
        }
    }
}

fn next<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    conclusion: Conclusion,
    is_maybe_listed: bool,
    asked_at: Instant,
) -> Next {
    // The refusal of the only send counts, unless a task of the name is found.
    let is_refused =
        task.create.as_ref().is_some_and(|create| create.is_refused() && !create.was_sent_before());
    let refusal = refusal_of_listed(context, task).filter(|_| is_refused && is_maybe_listed);
    let (outcome, signal) = match conclusion {
        // The task may be in flight, and known soon.
        Conclusion::Unproven(error) if refusal.is_some() => (Outcome::TransientError(error), None),
        Conclusion::Undecided(_) if is_refused => match refusal {
            Some(error) => (Outcome::Refused(error), None),
            None => (Outcome::Absent { absent_ms: 0 }, None),
        },
        Conclusion::Absent | Conclusion::Unproven(_) if is_refused => {
            (Outcome::Absent { absent_ms: 0 }, None)
        }
        // Not `Created`: an old task does not prove that the account can still pay.
        Conclusion::Found(task_id) => (Outcome::Found { task_id }, Some(AccountSignal::Answered)),
        Conclusion::Conflict(why) => (Outcome::Conflict(why), None),
        Conclusion::Absent => return absent(context, task, asked_at),
        Conclusion::Undecided(why) => {
            let absent_ms = context.not_found_timer.not_found(task, asked_at);
            (Outcome::Undecided { why, absent_ms }, None)
        }
        Conclusion::Unproven(error) => (Outcome::TransientError(error), None),
        Conclusion::Failed(error, signal) => (Outcome::TransientError(error), signal),
    };
    Next::Record(outcome, signal)
}

/// Kling does not show the task now, and it did not since some time.
fn absent<A: Api>(context: &StepContext<A>, task: &Task, asked_at: Instant) -> Next {
    let absent_ms = context.not_found_timer.not_found(task, asked_at);
    let is_settled = absent_ms >= context.settings.policy.create_settle_ms;
    let outcome = match task.create.as_ref().map(|create| create.answer) {
        Some(CreateAnswer::Unknown) if is_settled => return Next::SendAgain { absent_ms },
        // Lookups work, so Kling will show the task.
        Some(CreateAnswer::NameExists) => {
            let message = "Kling says that a task of this name exists, and does not show it yet";
            Outcome::TransientError(error("name_exists", message))
        }
        _ => Outcome::Absent { absent_ms },
    };
    Next::Record(outcome, None)
}

/// Returns the refusal that fails a task although another session might be accepted: it may mean that the name is taken.
/// An account that answers no lookups by name can prove no absence, so that nothing is sent again while its list shows a
/// task that could be this one.
fn refusal_of_listed<A: Api>(context: &StepContext<A>, task: &Task) -> Option<PermanentError> {
    let create = task.create.as_ref()?;
    let is_open = create.answer == CreateAnswer::MaybeSessionGone
        && matches!(context.lookups(), Lookups::Unknown | Lookups::Unanswered);
    let Failure { code, message } = create.failure.clone().filter(|_| is_open)?;
    Some(PermanentError { code, message })
}

/// Sends the same create request again, under the same name.
async fn send_again<A: Api>(
    context: &StepContext<A>,
    task: Arc<Task>,
    absent_ms: i64,
    asked_at: Instant,
    permit: &PaidCallPermit,
) -> Result<StepEnd, StoreError> {
    let audio = load_audio(&context.settings, &task).await;
    let media_changed = audio.as_ref().err().cloned();
    let task = match confirm_wanted(context, task, media_changed).await? {
        StillWanted::Yes(task) => task,
        StillWanted::No(end) => return Ok(end),
    };
    // Another job leads the task now, and its file has to be read.
    let Ok(audio) = audio else { return Ok(StepEnd::new(task, None)) };
    // Kling never accepted the request, so a full disk can still stop it.
    if let Some(Obstacle::Outcome(blocked @ Outcome::OutputBlocked(_))) =
        check_output(context, &task).await?
    {
        return Ok(StepEnd::new(context.record(&task, blocked, None).await?, None));
    }
    context.rate.ready(CallKind::Create).await;
    if !permit.allows_call() {
        let held = Outcome::Absent { absent_ms };
        return Ok(StepEnd::new(context.record(&task, held, None).await?, None));
    }
    if asked_at.elapsed() > LOOKUP_AGE_MAX {
        let (outcome, signal) = match by_name(context, &task).await?.0 {
            Lookup::NotFound { .. } => {
                return send(context, Sending::Again { task, audio, absent_ms }, permit).await;
            }
            Lookup::Found(remote) => {
                (Outcome::Found { task_id: remote.task_id }, Some(AccountSignal::Answered))
            }
            Lookup::Conflict(why, _) => (Outcome::Conflict(why), None),
            Lookup::Failed { error, signal, .. } => (Outcome::TransientError(error), signal),
        };
        return Ok(StepEnd::new(context.record(&task, outcome, None).await?, signal));
    }
    send(context, Sending::Again { task, audio, absent_ms }, permit).await
}

fn error(code: &str, message: &str) -> TransientError {
    TransientError { code: code.to_owned(), message: message.to_owned(), retry_after_ms: None }
}

/// Whether a job still asks for a task whose create request never arrived.
enum StillWanted {
    Yes(Arc<Task>),
    No(StepEnd),
}

async fn confirm_wanted<A: Api>(
    context: &StepContext<A>,
    task: Arc<Task>,
    media_changed: Option<String>,
) -> Result<StillWanted, StoreError> {
    let (moment, policy) = (context.clock.moment(), context.settings.policy.clone());
    let (task, is_wanted) = context
        .store
        .never_arrived(Arc::unwrap_or_clone(task), media_changed, moment, policy)
        .await?;
    if task.state.is_finished() {
        context.not_found_timer.forget(task.id);
        return Ok(StillWanted::No(StepEnd::new(task, None)));
    }
    if is_wanted {
        return Ok(StillWanted::Yes(task.into()));
    }
    // The job returns, or is cancelled soon. Until then this decides nothing.
    let why = "Kling has no task of this name, and its job is missing from the folder".to_owned();
    let missing = Outcome::Undecided { why, absent_ms: 0 };
    Ok(StillWanted::No(StepEnd::new(context.record(&task, missing, None).await?, None)))
}
