//! What a step tells the scheduler when it has ended: the job as it stands, and a word about the line.

use super::context::code_of;
use crate::{
    job::{
        Outcome, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::{ApiError, ErrorClass},
    store::PauseKind,
};

/// The end of a step.
#[derive(Debug)]
pub(super) struct StepEnd {
    /// The job as it was last written down.
    pub(super) task: Task,
    /// What the API said about the account as a whole.
    pub(super) word: Option<Word>,
}

/// What an answer says about the whole account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A call that costs nothing went through.
    Answered,
    /// A video was identified, and paid for.
    Identified,
    /// A create went through.
    Created,
    /// 1302.
    TooFast { retry_after_ms: Option<i64> },
    /// 1303.
    SlotsFull { retry_after_ms: Option<i64> },
    /// The queue was paused since the step began.
    Paused,
    /// A job points to another task now, which is to be read from the database.
    Transferred,
    /// The queue must stop.
    Pause { kind: PauseKind, reason: String, code: Option<i64>, request_id: Option<String> },
}

impl StepEnd {
    pub(super) fn new(task: Task, word: Option<Word>) -> Self {
        Self { task, word }
    }
}

impl Word {
    /// What an error says about the whole account, if it does: then it is not the job's own, and
    /// no attempt is spent on it.
    pub(super) fn of(error: &ApiError) -> Option<Self> {
        let pause = |kind| Self::Pause {
            kind,
            reason: error.message.clone(),
            code: error.code,
            request_id: error.request_id.clone(),
        };
        match error.class {
            ErrorClass::Credentials
            | ErrorClass::ClockAhead
            | ErrorClass::TokenExpired
            | ErrorClass::Forbidden
            | ErrorClass::IpNotAllowed => Some(pause(PauseKind::Credentials)),
            ErrorClass::OutOfCredit => Some(pause(PauseKind::Account)),
            ErrorClass::RateLimited => Some(Self::TooFast { retry_after_ms: error.retry_after_ms }),
            ErrorClass::Concurrency => {
                Some(Self::SlotsFull { retry_after_ms: error.retry_after_ms })
            }
            ErrorClass::BadRequest
            | ErrorClass::NotFound
            | ErrorClass::Policy
            | ErrorClass::ServerProblem
            | ErrorClass::TooLarge
            | ErrorClass::OtherRefusal
            | ErrorClass::Empty
            | ErrorClass::AddressRefused
            | ErrorClass::Transport => None,
        }
    }

    /// The same of a call that takes no slot: 1303 can then only mean to come later.
    pub(super) fn of_query(error: &ApiError) -> Option<Self> {
        match Self::of(error) {
            Some(Self::SlotsFull { retry_after_ms }) => Some(Self::TooFast { retry_after_ms }),
            word => word,
        }
    }
}

/// What an error of a call that costs no task means for the job: not its fault, a passing failure,
/// or a refusal.
pub(super) fn outcome_of(error: &ApiError) -> Outcome {
    if Word::of(error).is_some() {
        return Outcome::Deferred(error.message.clone());
    }
    match error.class {
        ErrorClass::ServerProblem | ErrorClass::Empty | ErrorClass::Transport => {
            Outcome::TransientError(trouble(error))
        }
        _ => Outcome::Refused(fault(error)),
    }
}

pub(super) fn trouble(error: &ApiError) -> TransientError {
    TransientError {
        code: code_of(error),
        message: error.message.clone(),
        retry_after_ms: error.retry_after_ms,
    }
}

pub(super) fn fault(error: &ApiError) -> PermanentError {
    PermanentError { code: code_of(error), message: error.message.clone() }
}
