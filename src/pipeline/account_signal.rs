//! What a reply says about the account, and not about one task.

use crate::{
    kling::{ApiError, ErrorClass},
    store::PauseKind,
};

/// Why credentials that are valid elsewhere are refused.
const OTHER_REGION: &str =
    "; the keys may belong to the host of another region: check kling.base_url";

/// What a reply, or a check right before a paid call, says about the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccountSignal {
    /// A free call was answered.
    Answered,
    /// A video was identified and paid for.
    Identified,
    /// A create request was accepted.
    Created,
    /// Too many calls per second (1302, or an unknown code with HTTP 429).
    RateLimited { code: Option<i64>, retry_after_ms: Option<i64> },
    /// Too many tasks at once (1303).
    SlotsFull { retry_after_ms: Option<i64> },
    /// The database says that the queue was paused since the step started.
    QueuePaused,
    /// The queue has to be paused, because no task can be created now.
    PauseRequired { kind: PauseKind, reason: String, code: Option<i64>, request_id: Option<String> },
}

impl AccountSignal {
    /// Returns what the error of a paid call says about the account. Such an error is not the task's own and costs it no
    /// try.
    pub(crate) fn of(error: &ApiError) -> Option<Self> {
        // The codes of the vendor's table for a refused token or address. Any other refusal may concern paid calls only:
        // a free query would be answered, and the next videos would be identified and paid for nothing.
        let kind = match error.code {
            Some(1000..=1004 | 1304) => PauseKind::Credentials,
            _ => PauseKind::Account,
        };
        Self::with_pause(error, kind)
    }

    fn with_pause(error: &ApiError, kind: PauseKind) -> Option<Self> {
        let pause = |kind| Self::PauseRequired {
            kind,
            reason: match error.code {
                Some(1000..=1002) => format!("{}{OTHER_REGION}", error.message),
                _ => error.message.clone(),
            },
            code: error.code,
            request_id: error.request_id.clone(),
        };
        match error.class {
            ErrorClass::Credentials
            | ErrorClass::ClockAhead
            | ErrorClass::TokenExpired
            | ErrorClass::Forbidden
            | ErrorClass::IpNotAllowed => Some(pause(kind)),
            ErrorClass::OutOfCredit => Some(pause(PauseKind::Account)),
            ErrorClass::RateLimited => {
                Some(Self::RateLimited { code: error.code, retry_after_ms: error.retry_after_ms })
            }
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

    /// Does the same for a query. A query needs no slot, so 1303 can only mean that it came too early.
    pub(crate) fn of_query(error: &ApiError) -> Option<Self> {
        match Self::with_pause(error, PauseKind::Credentials) {
            Some(Self::SlotsFull { retry_after_ms }) => {
                Some(Self::RateLimited { code: error.code, retry_after_ms })
            }
            signal => signal,
        }
    }
}
