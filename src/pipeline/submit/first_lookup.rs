//! Finds out whether Kling has a task before its first create request: the database may have been lost, or another host
//! may use the same account.

use std::sync::atomic::Ordering;

use super::{
    Lookup, LookupProof, by_name, is_of_video, possible_tasks, prove, task_list, verify_owner,
};
use crate::{
    job::{Outcome, Resend, Task, outcome::TransientError},
    kling::{Api, TaskStatus},
    pipeline::{AccountSignal, StepContext, StepEnd, transient_error, video_ref},
    store::{Lookups, StoreError},
};

/// How often a lookup by name must fail before the list is read instead.
const LOOKUPS_MIN: u32 = 4;

/// Asks Kling for a task of this name. Returns none if there is none.
pub(super) async fn find<A: Api>(
    context: &StepContext<A>,
    task: &Task,
) -> Result<Option<StepEnd>, StoreError> {
    let (lookup, answer) = by_name(context, task).await?;
    let found = match lookup {
        // A person decided to send again, perhaps by a list that was read long ago.
        Lookup::NotFound { .. } if task.resend == Some(Resend::Sure) => {
            find_in_list(context, task, None).await?
        }
        Lookup::NotFound { .. } if task.resend == Some(Resend::Checked) => {
            find_in_list(context, task, Some("a person decided that Kling has none")).await?
        }
        // An account that answers no lookups may still have the task.
        Lookup::NotFound { is_proper: false }
            if context.lookups() != Lookups::Unanswered && !is_proved(context).await? =>
        {
            find_in_list(context, task, Some("the answer is an empty success")).await?
        }
        Lookup::Failed { error, signal: None, is_answer: true } if asks_list(context, task) => {
            let found = find_in_list(context, task, Some(&error.message)).await?;
            if matches!(found, Lookup::NotFound { .. }) {
                context.unknown_names_fail.store(true, Ordering::Relaxed);
            }
            found
        }
        other => other,
    };
    let (outcome, signal) = match found {
        Lookup::NotFound { .. } => return Ok(None),
        Lookup::Conflict(..) if task.resend == Some(Resend::Sure) => return Ok(None),
        Lookup::Conflict(why, _) => (Outcome::Conflict(why), None),
        Lookup::Failed { error, signal, .. } => lookup_failed(error, signal),
        Lookup::Found(remote) => match find_later_take(context, task).await? {
            LaterTake::Moved(task) => return Ok(Some(StepEnd::transferred(task))),
            LaterTake::Failed(error, signal) => lookup_failed(error, signal),
            LaterTake::None => {
                (Outcome::Found { task_id: remote.task_id }, Some(AccountSignal::Answered))
            }
        },
    };
    Ok(Some(StepEnd::new(context.record(task, outcome, answer).await?, signal)))
}

/// Returns the outcome of a failed lookup, which is repeated later.
pub(super) fn lookup_failed(
    error: TransientError,
    signal: Option<AccountSignal>,
) -> (Outcome, Option<AccountSignal>) {
    match signal {
        Some(_) => (Outcome::Deferred(error.message), signal),
        None => {
            let message = format!("the lookup before the create request failed: {}", error.message);
            (Outcome::TransientError(TransientError { message, ..error }), None)
        }
    }
}

/// Some servers answer every unknown name with an error; others do so only for a while.
fn asks_list<A: Api>(context: &StepContext<A>, task: &Task) -> bool {
    task.tries + 1 >= LOOKUPS_MIN || context.unknown_names_fail.load(Ordering::Relaxed)
}

/// Whether a task that exists is found by its name. Then a task that is not found does not exist.
async fn is_proved<A: Api>(context: &StepContext<A>) -> Result<bool, StoreError> {
    Ok(matches!(prove(context, &context.settings.account).await?, LookupProof::Answered))
}

/// Searches the list for the name. `by_name` says why the name did not decide: then a task without an owner must not have
/// the same video.
async fn find_in_list<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    by_name: Option<&str>,
) -> Result<Lookup, StoreError> {
    let listing = match task_list::read(context, i64::MIN).await {
        Ok(listing) => listing,
        Err(error) => {
            let (error, signal) = (transient_error(&error), AccountSignal::of_query(&error));
            return Ok(Lookup::Failed { error, signal, is_answer: false });
        }
    };
    if let Some(remote) = listing.named(&task.external_task_id()) {
        return verify_owner(context, task, remote.clone(), listing.ahead_ms).await;
    }
    let Some(by_name) = by_name else { return Ok(Lookup::NotFound { is_proper: true }) };
    let wanted = video_ref(task);
    let mut all = possible_tasks(context, task, &listing).await?;
    // Before the first create request, tasks of other videos do not matter.
    all.retain(|remote| is_of_video(remote, &wanted));
    if let Some(remote) = all.first() {
        let why = format!(
            "Kling may have a task named {} ({by_name}): task {} has the same video and is not in this database",
            task.external_task_id(),
            remote.task_id
        );
        return Ok(Lookup::Conflict(why, Some(Box::new((*remote).clone()))));
    }
    if !listing.is_complete {
        let message = task_list::INCOMPLETE.to_owned();
        let error = TransientError { code: "lookup".to_owned(), message, retry_after_ms: None };
        return Ok(Lookup::Failed { error, signal: None, is_answer: false });
    }
    Ok(Lookup::NotFound { is_proper: false })
}

/// The result of a search for later takes of a task.
#[expect(clippy::large_enum_variant, reason = "one lives at a time, and is moved once")]
pub(super) enum LaterTake {
    /// The lead job has a later take now; this is the task that it left.
    Moved(Task),
    None,
    Failed(TransientError, Option<AccountSignal>),
}

/// Looks up later takes of a task that Kling has although the database did not know it. The lead job joins the highest
/// take that has not failed.
pub(super) async fn find_later_take<A: Api>(
    context: &StepContext<A>,
    task: &Task,
) -> Result<LaterTake, StoreError> {
    if context.lookups() == Lookups::Unanswered || !context.store.is_take_open(task).await? {
        return Ok(LaterTake::None);
    }
    let own = task.spec.external_task_id.as_deref();
    let mut highest = None;
    for take in task.take + 1.. {
        let name = Task::name_of(&task.request_hash, own, take);
        match by_name(context, &Task { take, name, ..task.clone() }).await?.0 {
            Lookup::Found(remote) if remote.status == TaskStatus::Failed => {}
            Lookup::Found(_) => highest = Some(take),
            Lookup::NotFound { .. } | Lookup::Conflict(..) => break,
            // The takes before this one cost nothing.
            Lookup::Failed { is_answer: true, signal: None, .. } if asks_list(context, task) => {
                break;
            }
            Lookup::Failed { error, signal, .. } => return Ok(LaterTake::Failed(error, signal)),
        }
    }
    let Some(take) = highest else { return Ok(LaterTake::None) };
    let (moment, policy) = (context.clock.moment(), context.settings.policy.clone());
    Ok(LaterTake::Moved(context.store.move_to_take(task.clone(), take, moment, policy).await?))
}
