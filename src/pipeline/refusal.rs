//! What a create that was not accepted comes to.
//!
//! A refusal says what became of the request that it answers, and of no other: where the create was
//! sent before, an earlier send may have been accepted and show up late. It is looked for, for as
//! long as a lost create is, before the job is failed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    context::Context,
    lookup::{self, Open, Seen},
    step::{Word, fault},
};
use crate::{
    job::{Create, Outcome, Task, outcome::Fault},
    kling::{Api, ApiError, Meaning},
    store::{Lookups, StoreError},
};

/// How long to wait between two looks for an earlier send.
const BETWEEN: Duration = Duration::from_secs(1);

/// What a create that was not accepted comes to.
pub(super) async fn refused<A: Api>(
    context: &Context<A>,
    task: &Task,
    error: &ApiError,
) -> Result<Open, StoreError> {
    let word = Word::of(error);
    let outcome = match error.meaning {
        _ if error.leaves_outcome_open() => Outcome::Lost(error.message.clone()),
        _ if error.never_left => Outcome::NotSent(error.message.clone()),
        _ if word.is_some() => Outcome::HeldBack(error.message.clone()),
        // 1200 and 1201 may mean that this very create arrived before, or that the session is gone.
        Meaning::BadRequest => return refused_itself(context, task, error).await,
        _ if was_sent_before(task) => return refused_itself(context, task, error).await,
        _ => Outcome::Refused(fault(error)),
    };
    Ok((outcome, word))
}

/// The fault of a job whose `external_task_id` is another task's.
pub(super) fn taken_name(message: String) -> Fault {
    Fault { code: "external_task_id_taken".to_owned(), message }
}

/// A refusal of the create itself stands only when no task goes by its name.
async fn refused_itself<A: Api>(
    context: &Context<A>,
    task: &Task,
    error: &ApiError,
) -> Result<Open, StoreError> {
    let settle_ms = context.settings.policy.create_settle_ms.max(0);
    let settled = Instant::now() + Duration::from_millis(settle_ms.unsigned_abs());
    loop {
        match lookup::look_up(context, task).await? {
            Seen::Ours(task) => return Ok((Outcome::Found { task_id: task.task_id }, None)),
            // A name that the user gave is another task's: a person decides.
            Seen::SomebodyElses(message) => return Ok((Outcome::NoLookups(message), None)),
            // The refusal stands, but whether an earlier send arrived is not known yet.
            Seen::Trouble(trouble, word) => return Ok((Outcome::Lost(trouble.message), word)),
            Seen::Nothing => {}
        }
        let outcome = nothing_found(context, task, error).await?;
        if !was_sent_before(task) || !matches!(outcome, Outcome::Refused(_)) {
            return Ok((outcome, None));
        }
        match lookup::counts_as_absent(context, task).await? {
            Ok(()) if Instant::now() >= settled => return Ok((outcome, None)),
            Ok(()) => sleep(BETWEEN.min(settled - Instant::now())).await,
            Err((Outcome::Trouble(trouble), word)) => {
                return Ok((Outcome::Lost(trouble.message), word));
            }
            Err(open) => return Ok(open),
        }
    }
}

/// The refusal, where no task goes by the create's name.
async fn nothing_found<A: Api>(
    context: &Context<A>,
    task: &Task,
    error: &ApiError,
) -> Result<Outcome, StoreError> {
    let message = error.message.to_ascii_lowercase();
    let taken = ["exist", "already", "duplicate", "unique", "in use"];
    let bad_request = error.meaning == Meaning::BadRequest;
    if bad_request
        && message.contains("external_task_id")
        && taken.iter().any(|word| message.contains(word))
    {
        return Ok(name_taken(context, task, error));
    }
    if bad_request && message.contains("session") {
        if let Some(session) = &task.session {
            context.store.forget_session(session.row).await?;
        }
        return Ok(Outcome::SessionGone(error.message.clone()));
    }
    Ok(Outcome::Refused(fault(error)))
}

/// The API knows the name already, but does not find a task by it.
fn name_taken<A: Api>(context: &Context<A>, task: &Task, error: &ApiError) -> Outcome {
    match (&task.spec.external_task_id, context.lookups()) {
        // Nobody but a person can find it.
        (_, Lookups::Unanswered) => Outcome::NoLookups(error.message.clone()),
        // A name that we made up can only be that of an earlier send, which does not show yet.
        (None, _) => Outcome::Lost(error.message.clone()),
        // A name that the user gave may be a task's of another kind.
        (Some(_), _) => Outcome::NoLookups(error.message.clone()),
    }
}

fn was_sent_before(task: &Task) -> bool {
    task.create.as_ref().is_some_and(Create::was_sent_before)
}
