//! What a step returns to the scheduler, and what an API error means for the task.

use std::sync::Arc;

use super::AccountSignal;
use crate::{
    job::{
        Outcome, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::{ApiError, ErrorClass},
};

/// The end of a step.
#[derive(Debug)]
pub(crate) struct StepEnd {
    /// The task as it was last recorded. A task that a step left unchanged returns to the queue that it came from.
    pub(crate) task: Arc<Task>,
    /// What the API said about the account.
    pub(crate) signal: Option<AccountSignal>,
    /// The task's job points to another task now, which is only in the database.
    pub(crate) is_transferred: bool,
}

impl StepEnd {
    pub(crate) fn new(task: impl Into<Arc<Task>>, signal: Option<AccountSignal>) -> Self {
        Self { task: task.into(), signal, is_transferred: false }
    }

    /// The job of `task` points to another task now.
    pub(crate) fn transferred(task: Task) -> Self {
        Self { is_transferred: true, ..Self::new(task, Some(AccountSignal::Answered)) }
    }
}

/// Returns what the error of a call that creates no task means for the task.
pub(crate) fn outcome_of(error: &ApiError) -> Outcome {
    if AccountSignal::of(error).is_some() {
        return Outcome::Deferred(error.message.clone());
    }
    match error.class {
        ErrorClass::ServerProblem | ErrorClass::Empty | ErrorClass::Transport => {
            Outcome::TransientError(transient_error(error))
        }
        _ => Outcome::Refused(permanent_error(error)),
    }
}

pub(crate) fn transient_error(error: &ApiError) -> TransientError {
    TransientError {
        code: code_of(error),
        message: error.message.clone(),
        retry_after_ms: error.retry_after_ms,
    }
}

pub(crate) fn permanent_error(error: &ApiError) -> PermanentError {
    PermanentError { code: code_of(error), message: error.message.clone() }
}

/// Returns the stable code of an error: the API's number, or a name where the answer has none.
fn code_of(error: &ApiError) -> String {
    match (error.code, error.class) {
        (Some(code), _) => code.to_string(),
        (None, ErrorClass::TooLarge) => "request_too_large".to_owned(),
        (None, ErrorClass::OtherRefusal) => "request_refused".to_owned(),
        (None, _) => "transport".to_owned(),
    }
}
