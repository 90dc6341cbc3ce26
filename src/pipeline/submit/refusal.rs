//! What the refusal of a create request means, and whether it may be about an earlier send.

use crate::{
    job::{CreateAnswer, Outcome},
    kling::{ApiError, ErrorClass},
    pipeline::{AccountSignal, permanent_error},
};

/// Words for a name in use. They only save time: without them, Kling is asked for the name and the list before the
/// refusal counts.
const NAME_IN_USE: [&str; 10] = [
    "exist",
    "already",
    "duplicate",
    "unique",
    "in use",
    "occupied",
    "taken",
    "占用",
    "已存在",
    "重复",
];

/// Returns the outcome of a create request that Kling did not accept, and what the reply says about the account.
pub(super) fn refused(error: &ApiError) -> (Outcome, Option<AccountSignal>) {
    let signal = AccountSignal::of(error);
    let outcome = match error.class {
        _ if error.outcome_is_unknown() => Outcome::Lost(error.message.clone()),
        _ if error.never_left => Outcome::NotSent(error.message.clone()),
        _ if signal.is_some() => Outcome::Deferred(error.message.clone()),
        // Such a refusal may be about the name, the session or the request.
        ErrorClass::BadRequest | ErrorClass::NotFound | ErrorClass::OtherRefusal
            if error.code.is_some() =>
        {
            Outcome::CreateRefused { answer: read(error), error: permanent_error(error) }
        }
        _ => Outcome::Refused(permanent_error(error)),
    };
    (outcome, signal)
}

fn read(error: &ApiError) -> CreateAnswer {
    let message = error.message.to_ascii_lowercase();
    let names_the_name = message.contains("external_task_id");
    match error.code {
        _ if names_the_name && NAME_IN_USE.iter().any(|words| message.contains(words)) => {
            CreateAnswer::NameExists
        }
        _ if message.contains("session") => CreateAnswer::SessionGone,
        // These codes report a session that is gone in any words.
        Some(1201 | 1203) => CreateAnswer::MaybeSessionGone,
        _ => CreateAnswer::Refused,
    }
}
