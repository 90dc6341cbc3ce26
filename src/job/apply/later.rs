//! What passes: later again, each time later, and when that is given up.

use super::{SLOT_KEPT_MS, Step, create::RESEND};
use crate::job::{
    BLOCKED, State, Task, Transition,
    outcome::{PermanentError, TransientError},
    retry::delay_ms,
};

impl Step<'_> {
    /// The account is in the way, not the task: no try is spent on it. A create request that was sent only this
    /// once was not created; of one that was sent before, that does not say anything.
    pub(super) fn held_back(&self, why: String) -> Transition {
        let next_try = format!("its next try, for the API held it back: {why}");
        let (held, waits) = match self.task.state {
            State::Creating if self.was_sent_before() => {
                let resend = format!("{RESEND}, which was held back: {why}");
                (Task { may_resend: true, ..self.fresh(State::Creating) }, resend)
            }
            State::Creating => (Task { create: None, ..self.fresh(State::Identified) }, next_try),
            _ => (Task { output_blocked: false, ..self.task.clone() }, next_try),
        };
        self.write(Task { wait_reason: Some(waits), ..held }, why)
    }

    /// A passing failure: later again, and an end after `give_up_after` while nothing was sent. What may
    /// have been paid for is never given up.
    pub(super) fn try_again_later(&self, trouble: TransientError) -> Transition {
        let since_ms = self.task.failing_since_ms.unwrap_or(self.moment.now_ms);
        let failing_ms = self.moment.now_ms.saturating_sub(since_ms);
        if self.task.is_uncreated() && self.is_enough(failing_ms) {
            let message = format!(
                "given up after {} of failures, the last: {}",
                rough(failing_ms),
                trouble.message
            );
            return self.fail(PermanentError { code: "gave_up".to_owned(), message });
        }
        self.delayed(&trouble, since_ms)
    }

    /// Whether a step that has failed for so long has failed for good. A clock that was set ahead, or a
    /// daemon that did not run, must not make a long time of a few tries: none of them accounts for
    /// more than the longest rest.
    pub(super) fn is_enough(&self, failing_ms: i64) -> bool {
        let tries = i64::from(self.task.tries).saturating_add(1);
        let tried_ms = tries.saturating_mul(self.policy.longest_rest_ms());
        failing_ms.min(tried_ms) >= self.policy.give_up_after_ms
    }

    pub(super) fn delayed(&self, trouble: &TransientError, since_ms: i64) -> Transition {
        let tries = self.task.tries.saturating_add(1);
        let delay_ms = delay_ms(self.policy, tries, self.moment.chance);
        let asked_ms = trouble.retry_after_ms.unwrap_or(0).min(self.policy.longest_rest_ms());
        let due_at_ms = self.moment.now_ms.saturating_add(delay_ms.max(asked_ms));
        let task = Task {
            due_at_ms,
            tries,
            failing_since_ms: Some(since_ms),
            wait_reason: Some(format!(
                "its next try, number {}, after: {}",
                tries.saturating_add(1),
                trouble.message
            )),
            may_resend: false,
            output_blocked: false,
            ..self.task.clone()
        };
        self.write(task, format!("try {tries} failed: {}", trouble.message))
    }

    /// Later again, and never given up: what is in the way is no failure of the task's or the API's.
    pub(super) fn blocked(&self, trouble: &TransientError) -> Transition {
        let waits = Some(format!("{BLOCKED}: {}", trouble.message));
        let repeats = self.task.wait_reason == waits;
        let later = self.delayed(trouble, self.moment.now_ms);
        let what = format!("waits: {BLOCKED}: {}", trouble.message);
        Transition {
            task: Task {
                wait_reason: waits,
                output_blocked: true,
                failing_since_ms: None,
                ..later.task
            },
            what,
            repeats,
            ..later
        }
    }

    /// A task that was accepted may be out of sight: it is asked for as long as Kling keeps results, ever more
    /// seldom, and only then is it taken for gone.
    pub(super) fn unseen(&self, why: &str) -> Transition {
        let now_ms = self.moment.now_ms;
        let since_ms = self.task.failing_since_ms.unwrap_or(now_ms);
        let unseen_ms = now_ms.saturating_sub(since_ms);
        let age_ms = now_ms.saturating_sub(self.task.made_at_ms(None));
        if self.is_enough(unseen_ms) && age_ms > RESULT_KEPT_MS {
            let message = format!("the API no longer knows its task: {why}");
            return self.fail(PermanentError { code: "task_gone".to_owned(), message });
        }
        let kept_ms = SLOT_KEPT_MS.min(self.policy.give_up_after_ms);
        let is_seldom = unseen_ms > kept_ms;
        let task_id = self.task.task_id.as_deref().unwrap_or_default();
        let created = self.task.create.as_ref().map_or_else(String::new, |create| {
            format!(", created with {} at {},", create.account, create.host)
        });
        let waits =
            format!("task {task_id}{created} to show up, which the API does not know: {why}");
        let repeats = self.task.wait_reason.as_ref() == Some(&waits);
        let task = Task {
            failing_since_ms: Some(since_ms),
            tries: self.task.tries.saturating_add(1),
            due_at_ms: if is_seldom { now_ms.saturating_add(UNSEEN_REST_MS) } else { 0 },
            wait_reason: Some(waits.clone()),
            ..self.task.clone()
        };
        Transition { repeats, ..self.write(task, format!("waits: {waits}")) }
    }
}

/// Query Task: "generated images/videos will be deleted after 30 days".
const RESULT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// A task that Kling has not shown for long is asked for so seldom.
const UNSEEN_REST_MS: i64 = 60 * 60 * 1000;

/// A length of time in the largest unit that fits.
pub(super) fn rough(length_ms: i64) -> String {
    match length_ms / 1_000 {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}
