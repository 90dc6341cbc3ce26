//! What passes: later again, each time later, and when that is given up.

use super::Step;
use crate::job::{
    BLOCKED, State, Task, Transition,
    outcome::{Fault, Trouble},
    retry::delay_ms,
};

impl Step<'_> {
    /// The account is in the way, not the task: no try is spent on it. A create that was sent only this
    /// once is unsent again; of one that was sent before, that does not say anything.
    pub(super) fn held_back(&self, why: String) -> Transition {
        let next_try = format!("its next try, for the API held it back: {why}");
        let (held, waits) = match self.task.state {
            State::Creating if self.was_sent_before() => {
                let resend = format!("its create to be sent again, which was held back: {why}");
                (self.fresh(State::Creating), resend)
            }
            State::Creating => (Task { create: None, ..self.fresh(State::Identified) }, next_try),
            _ => (self.task.clone(), next_try),
        };
        self.write(Task { waits: Some(waits), ..held }, why)
    }

    /// A passing failure: later again, and an end after `give_up_after` while nothing was sent. What may
    /// have been paid for is never given up.
    pub(super) fn try_again_later(&self, trouble: Trouble) -> Transition {
        let since_ms = self.task.failing_since_ms.unwrap_or(self.moment.now_ms);
        let failing_ms = self.moment.now_ms.saturating_sub(since_ms);
        if self.task.is_uncreated() && self.is_enough(failing_ms) {
            let message = format!(
                "given up after {} of failures, the last: {}",
                rough(failing_ms),
                trouble.message
            );
            return self.fail(Fault { code: "gave_up".to_owned(), message });
        }
        self.delayed(&trouble, since_ms)
    }

    /// Whether a step that has failed for so long has failed for good. A clock that was set ahead, or a
    /// daemon that did not run, must not make a long time of a few tries: none of them accounts for
    /// more than the longest rest.
    fn is_enough(&self, failing_ms: i64) -> bool {
        let tries = i64::from(self.task.tries).saturating_add(1);
        let tried_ms = tries.saturating_mul(self.policy.longest_rest_ms());
        failing_ms.min(tried_ms) >= self.policy.give_up_after_ms
    }

    pub(super) fn delayed(&self, trouble: &Trouble, since_ms: i64) -> Transition {
        let tries = self.task.tries.saturating_add(1);
        let delay_ms = delay_ms(self.policy, tries, self.moment.chance);
        let asked_ms = trouble.retry_after_ms.unwrap_or(0).min(self.policy.longest_rest_ms());
        let due_at_ms = self.moment.now_ms.saturating_add(delay_ms.max(asked_ms));
        let task = Task {
            due_at_ms,
            tries,
            failing_since_ms: Some(since_ms),
            waits: Some(format!(
                "its next try, number {}, after: {}",
                tries.saturating_add(1),
                trouble.message
            )),
            ..self.task.clone()
        };
        self.write(task, format!("try {tries} failed: {}", trouble.message))
    }

    /// Later again, and never given up: what is in the way is no failure of the task's or the API's.
    pub(super) fn blocked(&self, trouble: &Trouble) -> Transition {
        let waits = Some(format!("{BLOCKED}: {}", trouble.message));
        let repeats = self.task.waits == waits;
        let later = self.delayed(trouble, self.moment.now_ms);
        let what = format!("waits: {BLOCKED}: {}", trouble.message);
        Transition {
            task: Task { waits, failing_since_ms: None, ..later.task },
            what,
            repeats,
            ..later
        }
    }

    /// A task that was accepted may be out of sight for a while; only after long is it given up.
    pub(super) fn unseen(&self, why: &str) -> Transition {
        let since_ms = self.task.failing_since_ms.unwrap_or(self.moment.now_ms);
        let unseen_ms = self.moment.now_ms.saturating_sub(since_ms);
        if self.is_enough(unseen_ms) {
            let message = format!("the API no longer knows its task: {why}");
            return self.fail(Fault { code: "task_gone".to_owned(), message });
        }
        if unseen_ms >= self.policy.give_up_after_ms {
            let tries = self.task.tries.saturating_add(1);
            let looked_at = self.write(Task { tries, ..self.task.clone() }, why);
            return Transition { repeats: true, ..looked_at };
        }
        let task_id = self.task.task_id.as_deref().unwrap_or_default();
        let waits = format!("task {task_id} to show up, which the API does not know: {why}");
        let task = Task {
            failing_since_ms: Some(since_ms),
            waits: Some(waits.clone()),
            ..self.task.clone()
        };
        self.write(task, format!("waits: {waits}"))
    }
}

/// A length of time in the largest unit that fits.
fn rough(length_ms: i64) -> String {
    match length_ms / 1_000 {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}
