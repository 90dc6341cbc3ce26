//! The delivery of a job's own file after its task has succeeded: a copy of the verified result, or another
//! download, which is free while Kling keeps the result.

use super::{
    Failure, Moment, Policy, State,
    outcome::{PermanentError, TransientError},
    retry::delay_ms,
};

/// How the wait reason of a task or job begins while its output file cannot be written.
pub const BLOCKED: &str = "the output file cannot be written";

/// The progress of a delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Delivery {
    /// When (Unix ms) the next attempt is due; 0: at once.
    pub due_at_ms: i64,
    pub tries: u32,
    pub failing_since_ms: Option<i64>,
    pub wait_reason: Option<String>,
    pub output_blocked: bool,
}

/// The result of one attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DeliveryOutcome {
    /// The file is in the output folder, complete and verified.
    Delivered {
        sha256: String,
        bytes: u64,
    },
    Failed(TransientError),
    /// The output file cannot be written: the disk is full, the folder is gone or read-only.
    OutputBlocked(TransientError),
    Refused(PermanentError),
}

/// Returns the sentence for the history of a delivered file. Job and task have the complete hash.
pub(super) fn delivered(bytes: u64, sha256: &str) -> String {
    format!("delivered: {bytes} bytes, sha256 {}…", sha256.get(..12).unwrap_or(sha256))
}

/// Returns what an attempt results in: the state of the job, the progress of the delivery, the failure if the
/// delivery failed for good, and the sentence for the history.
#[must_use]
pub fn deliver(
    before: &Delivery,
    attempt: &DeliveryOutcome,
    moment: &Moment,
    policy: &Policy,
) -> (State, Delivery, Option<Failure>, String) {
    match attempt {
        DeliveryOutcome::Delivered { sha256, bytes } => {
            (State::Succeeded, Delivery::default(), None, delivered(*bytes, sha256))
        }
        DeliveryOutcome::Failed(error) | DeliveryOutcome::OutputBlocked(error) => {
            let output_blocked = matches!(attempt, DeliveryOutcome::OutputBlocked(_));
            let message = match output_blocked {
                true => format!("{BLOCKED}: {}", error.message),
                false => error.message.clone(),
            };
            let tries = before.tries.saturating_add(1);
            let delay_ms = delay_ms(policy, tries, moment.chance);
            let asked_ms = error.retry_after_ms.unwrap_or(0).min(policy.longest_rest_ms());
            let what = format!("delivery attempt {tries} failed: {message}");
            let delivery = Delivery {
                due_at_ms: moment.now_ms.saturating_add(delay_ms.max(asked_ms)),
                tries,
                failing_since_ms: before.failing_since_ms.or(Some(moment.now_ms)),
                wait_reason: Some(message),
                output_blocked,
            };
            (State::Downloading, delivery, None, what)
        }
        DeliveryOutcome::Refused(error) => {
            (State::Failed, Delivery::default(), Some(error.clone().into()), error.message.clone())
        }
    }
}
