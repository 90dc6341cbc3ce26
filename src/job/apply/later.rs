//! Errors that may pass: each try is later than the one before, up to the end that `give_up_after` sets.

use super::build::TransitionBuilder;
use crate::job::{
    BLOCKED, State, Task, Transition,
    outcome::{PermanentError, TransientError},
    retry::delay_ms,
};

/// Query Task: "generated images/videos will be deleted after 30 days".
const RESULT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The time between two queries for a task that Kling has not shown for long.
const NOT_FOUND_REST_MS: i64 = 60 * 60 * 1000;

impl TransitionBuilder<'_> {
    /// The account is the reason, not the task, so that no try is counted. A create request that was sent only
    /// this once was not created. If it was sent before, the answer says nothing about the earlier send.
    pub(super) fn deferred(&self, why: String) -> Transition {
        let reason = format!("the API deferred the call: {why}");
        // While the API limits the rate, it may refuse a call that created nothing many times.
        let repeats =
            self.task.state.is_unsent() && self.task.wait_reason.as_ref() == Some(&reason);
        let task = match self.task.state {
            State::Creating if self.was_sent_before() => {
                let reason = format!("the create request will be sent again; {reason}");
                Task { wait_reason: Some(reason), may_resend: true, ..self.fresh(State::Creating) }
            }
            State::Creating => {
                Task { create: None, wait_reason: Some(reason), ..self.fresh(State::Identified) }
            }
            _ => Task { wait_reason: Some(reason), output_blocked: false, ..self.task.clone() },
        };
        Transition { repeats, ..self.write(task, why) }
    }

    /// Tries again later, and fails after `give_up_after` while nothing was sent. What may have been paid for
    /// never fails because of an error that may pass.
    pub(super) fn retry_later(&self, error: TransientError) -> Transition {
        let since_ms = self.task.failing_since_ms.unwrap_or(self.moment.now_ms);
        let failing_ms = self.moment.now_ms.saturating_sub(since_ms);
        if self.task.is_uncreated() && self.has_failed_for_good(failing_ms) {
            let message = format!(
                "failed for {}, which is longer than retry.give_up_after; last error: {}",
                rough(failing_ms),
                error.message
            );
            return self.fail(PermanentError { code: "gave_up".to_owned(), message });
        }
        self.delayed(&error, since_ms)
    }

    /// Whether a step that has failed for so long has failed for good. A clock that was set ahead, or a daemon
    /// that did not run, must not turn a few tries into a long time: each try counts for at most the longest rest.
    pub(super) fn has_failed_for_good(&self, failing_ms: i64) -> bool {
        let tries = i64::from(self.task.tries).saturating_add(1);
        let tried_ms = tries.saturating_mul(self.policy.longest_rest_ms());
        failing_ms.min(tried_ms) >= self.policy.give_up_after_ms
    }

    /// Counts a failed try and waits before the next one. `since_ms`: when the tries began to fail.
    pub(super) fn delayed(&self, error: &TransientError, since_ms: i64) -> Transition {
        let tries = self.task.tries.saturating_add(1);
        let delay_ms = delay_ms(self.policy, tries, self.moment.chance);
        let asked_ms = error.retry_after_ms.unwrap_or(0).min(self.policy.longest_rest_ms());
        let what = format!("try {tries} failed: {}", error.message);
        let task = Task {
            due_at_ms: self.moment.now_ms.saturating_add(delay_ms.max(asked_ms)),
            tries,
            failing_since_ms: Some(since_ms),
            wait_reason: Some(what.clone()),
            may_resend: false,
            output_blocked: false,
            ..self.task.clone()
        };
        self.write(task, what)
    }

    /// Tries again later without an end, because the task and the API have not failed.
    pub(super) fn output_blocked(&self, error: &TransientError) -> Transition {
        let wait_reason = Some(format!("{BLOCKED}: {}", error.message));
        let repeats = self.task.wait_reason == wait_reason;
        let later = self.delayed(error, self.moment.now_ms);
        Transition {
            task: Task { wait_reason, output_blocked: true, failing_since_ms: None, ..later.task },
            what: format!("{BLOCKED}: {}", error.message),
            repeats,
            ..later
        }
    }

    /// Kling may not show an accepted task for a while. It is queried for as long as Kling keeps results, at
    /// growing distances. Only then does the task fail.
    pub(super) fn task_not_found(&self, why: &str) -> Transition {
        let now_ms = self.moment.now_ms;
        let since_ms = self.task.failing_since_ms.unwrap_or(now_ms);
        let hidden_ms = now_ms.saturating_sub(since_ms);
        let age_ms = now_ms.saturating_sub(self.task.made_at_ms(None));
        if self.has_failed_for_good(hidden_ms) && age_ms > RESULT_KEPT_MS {
            let message = format!("Kling no longer knows the task: {why}");
            return self.fail(PermanentError { code: "task_gone".to_owned(), message });
        }
        let rest_ms = if hidden_ms > self.slot_kept_ms() { NOT_FOUND_REST_MS } else { 0 };
        let task_id = self.task.task_id.as_deref().unwrap_or_default();
        let created = self.task.create.as_ref().map_or_else(String::new, |create| {
            format!(" (created with {} at {})", create.account, create.host)
        });
        let reason = format!("Kling does not show task {task_id}{created}: {why}");
        let repeats = self.task.wait_reason.as_ref() == Some(&reason);
        let task = Task {
            failing_since_ms: Some(since_ms),
            tries: self.task.tries.saturating_add(1),
            due_at_ms: if rest_ms > 0 { now_ms.saturating_add(rest_ms) } else { 0 },
            wait_reason: Some(reason.clone()),
            ..self.task.clone()
        };
        Transition { repeats, ..self.write(task, reason) }
    }
}

/// A length of time in the largest unit that fits.
pub(super) fn rough(length_ms: i64) -> String {
    match length_ms / 1_000 {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}
