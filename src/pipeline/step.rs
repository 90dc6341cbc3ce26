//! What a step tells the scheduler when it has ended: the job as it stands, and a word about the line.

use crate::{
    job::{
        Outcome, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::{ApiError, ErrorClass},
    pipeline::context::code_of,
    store::PauseKind,
};

/// The end of a step.
#[derive(Debug)]
pub(crate) struct StepEnd {
    /// The job as it was last written down.
    pub(crate) task: Task,
    /// What the API said about the account as a whole.
    pub(crate) signal: Option<AccountSignal>,
}

/// What an answer says about the whole account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccountSignal {
    /// A call that costs nothing went through.
    Answered,
    /// A video was identified, and paid for.
    Identified,
    /// A create went through.
    Created,
    /// 1302.
    RateLimited { retry_after_ms: Option<i64> },
    /// 1303.
    SlotsFull { retry_after_ms: Option<i64> },
    /// The queue was paused since the step began.
    QueuePaused,
    /// A job points to another task now, which is to be read from the database.
    Transferred,
    /// The queue must stop.
    PauseRequired { kind: PauseKind, reason: String, code: Option<i64>, request_id: Option<String> },
}

impl StepEnd {
    pub(crate) fn new(task: Task, signal: Option<AccountSignal>) -> Self {
        Self { task, signal }
    }
}

impl AccountSignal {
    /// What an error says about the whole account, if it does: then it is not the job's own, and
    /// no attempt is spent on it.
    pub(crate) fn of(error: &ApiError) -> Option<Self> {
        let pause = |kind| Self::PauseRequired {
            kind,
            reason: error.message.clone(),
            code: error.code,
            request_id: error.request_id.clone(),
        };
        match error.meaning {
            ErrorClass::Credentials
            | ErrorClass::ClockAhead
            | ErrorClass::TokenExpired
            | ErrorClass::Forbidden
            | ErrorClass::IpRefused => Some(pause(PauseKind::Credentials)),
            ErrorClass::ArrearsOrPack => Some(pause(PauseKind::Account)),
            ErrorClass::TooFast => Some(Self::RateLimited { retry_after_ms: error.retry_after_ms }),
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
    pub(crate) fn of_query(error: &ApiError) -> Option<Self> {
        match Self::of(error) {
            Some(Self::SlotsFull { retry_after_ms }) => Some(Self::RateLimited { retry_after_ms }),
            signal => signal,
        }
    }
}

/// What an error of a call that costs no task means for the job: not its fault, a passing failure,
/// or a refusal.
pub(crate) fn outcome_of(error: &ApiError) -> Outcome {
    if AccountSignal::of(error).is_some() {
        return Outcome::Deferred(error.message.clone());
    }
    match error.meaning {
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
