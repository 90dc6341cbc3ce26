//! The delivery of a job's own file, once its task has succeeded: a copy of the verified result, or a
//! fetch, which is free while Kling keeps it.

use super::{
    BLOCKED, Failure, Moment, Policy, State,
    outcome::{PermanentError, TransientError},
    retry::delay_ms,
};

/// How a delivery goes so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Nothing is done before this (Unix ms); 0: at once.
    pub due_at_ms: i64,
    /// Failures in a row.
    pub tries: u32,
    /// Since when (Unix ms) it fails.
    pub failing_since_ms: Option<i64>,
    /// What it waits for.
    pub wait_reason: Option<String>,
    /// It waits because the output file cannot be written.
    pub output_blocked: bool,
}

/// The result of one attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The file is at its place, complete and verified.
    Delivered {
        /// Its SHA-256, in hex.
        sha256: String,
        /// Its size.
        bytes: u64,
    },
    /// A failure that may pass.
    Failed(TransientError),
    /// The output file cannot be written: the disk is full, the folder is gone or read-only.
    OutputBlocked(TransientError),
    /// A failure that will not pass.
    Refused(PermanentError),
}

/// Returns the state that an attempt leads to, how the delivery goes on, the failure if it failed for good, and
/// the sentence for the history.
#[must_use]
pub fn deliver(
    before: &Delivery,
    attempt: &DeliveryOutcome,
    moment: &Moment,
    policy: &Policy,
) -> (State, Delivery, Option<Failure>, String) {
    match attempt {
        DeliveryOutcome::Delivered { sha256, bytes } => {
            let what = format!("delivered: {bytes} bytes, sha256 {sha256}");
            (State::Succeeded, Delivery::default(), None, what)
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
        DeliveryOutcome::Refused(PermanentError { code, message }) => {
            let failure = Failure { code: code.clone(), message: message.clone() };
            (State::Failed, Delivery::default(), Some(failure), message.clone())
        }
    }
}
