//! What the refusal of a create request means, and whether it may be about an earlier send.

use crate::{
    job::{CreateAnswer, Outcome, Task},
    kling::{Api, ApiError, ErrorClass},
    pipeline::{AccountSignal, StepContext, permanent_error},
    store::StoreError,
};

/// Words for a name in use. They only save time: without them, Kling is asked for the name and the list before the
/// refusal counts.
const NAME_IN_USE: [&str; 7] =
    ["exist", "already", "duplicate", "unique", "in use", "occupied", "taken"];

/// Returns the outcome of a create request that Kling did not accept, and what the reply says about the account.
pub(super) async fn refused<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    error: &ApiError,
) -> Result<(Outcome, Option<AccountSignal>), StoreError> {
    let signal = AccountSignal::of(error);
    let outcome = match error.class {
        _ if error.outcome_is_unknown() => Outcome::Lost(error.message.clone()),
        _ if error.never_left => Outcome::NotSent(error.message.clone()),
        _ if signal.is_some() => Outcome::Deferred(error.message.clone()),
        // Such a refusal may be about the name, the session or the request.
        ErrorClass::BadRequest | ErrorClass::NotFound | ErrorClass::OtherRefusal => {
            let answer = read(&error.message);
            if let (CreateAnswer::SessionGone, Some(session)) = (answer, &task.session) {
                context.store.forget_session(session.row).await?;
            }
            Outcome::CreateRefused { answer, error: permanent_error(error) }
        }
        _ => Outcome::Refused(permanent_error(error)),
    };
    Ok((outcome, signal))
}

fn read(message: &str) -> CreateAnswer {
    let message = message.to_ascii_lowercase();
    let names_the_name = message.contains("external_task_id");
    if names_the_name && NAME_IN_USE.iter().any(|words| message.contains(words)) {
        return CreateAnswer::NameExists;
    }
    match message.contains("session") {
        true => CreateAnswer::SessionGone,
        false => CreateAnswer::Refused,
    }
}
