//! What money hangs on: nothing is sent again that may have been sent, each task and each deduction
//! is counted once, and whatever happened, every task can come to its end.

use proptest::prelude::*;

use super::{
    scenario::{Step, any_scenario, next_success, play},
    *,
};
use crate::job::{Action, decide};

/// What the API may have of a task, by what happened.
#[derive(Default)]
struct Ledger {
    /// A create may be there, or a task is, that nothing has ruled out or settled since.
    open: bool,
    tasks: i64,
    micro: i64,
}

impl Ledger {
    fn hear(&mut self, step: &Step<'_>) {
        let Step { name, before, moved, .. } = step;
        let is_remembered = |task: &Task| task.create.is_some();
        match *name {
            // What is remembered is looked for before it is sent.
            "CreateIntended" => {
                assert!(!self.open || is_remembered(before), "{name} though it may have been sent");
                self.open = true;
            }
            "ResendIntended" | "Lost" | "Accepted" | "Found" | "ResolvedAs" => {
                self.open = true;
            }
            // Proven not to have left, or refused by a code, and not sent before either; or no task of it
            // exists, by lookups that can be believed.
            "NotSent" | "Deferred" | "Refused" | "Absent" | "Abandoned"
                if before.state == State::Creating =>
            {
                self.open = is_remembered(&moved.task);
            }
            "Abandoned" => self.open = false,
            // A person's word.
            "ResolvedAsUnsent" => self.open = false,
            _ => {}
        }
        let sends_next = decide(&moved.task, i64::MAX) == Action::Create;
        let is_forgotten = self.open && !is_remembered(&moved.task);
        assert!(!(is_forgotten && sends_next), "{name}: sent next though it may have been sent");
        self.count(step);
    }

    fn count(&mut self, step: &Step<'_>) {
        let Step { name, before, moved, .. } = step;
        let (spend, task) = (moved.spend, &moved.task);
        let names_a_task =
            matches!(*name, "Accepted" | "Found" | "ResolvedAs") && before.task_id.is_none();
        assert_eq!(spend.tasks, i64::from(names_a_task), "{name}");
        self.tasks += spend.tasks;
        assert!(spend.identify.units_micro >= 0 && spend.task.units_micro >= 0, "{name}");
        self.micro = self
            .micro
            .saturating_add(spend.identify.units_micro)
            .saturating_add(spend.task.units_micro);
        assert!(task.cost.units_micro >= before.cost.units_micro, "{name}");
        assert_eq!(task.cost.units_micro, self.micro, "{name}");
        assert!(self.tasks <= 1, "{} tasks of one request and take: {name}", self.tasks);
    }
}

/// Only a task that Kling accepted uses its take up: anything else is asked for under the same name again.
#[test]
fn what_was_not_accepted_keeps_its_take_and_name() {
    let refused =
        |state| at(&task_in(state), Outcome::Refused(permanent_error("no good")), NOW_MS).task;
    let abandoned = at(&task_in(State::Identified), Outcome::Abandoned, NOW_MS).task;
    let refused_by_kling = refused(State::Creating);
    for ended in [refused(State::Queued), refused(State::Identified), refused_by_kling, abandoned] {
        let again = at(&ended, Outcome::Revived { sessions_after_ms: 0 }, NOW_MS).task;
        assert_eq!((again.take, again.external_task_id().as_str()), (1, "ext"));
        assert!(again.is_uncreated());
    }
    for accepted in [State::Submitted, State::Processing, State::Downloading] {
        let revived = Outcome::Revived { sessions_after_ms: 0 };
        let ended = refused(accepted);
        assert!(apply(&ended, revived, &moment(NOW_MS), &POLICY).is_err(), "{accepted}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, ..ProptestConfig::with_cases(500)
    })]

    #[test]
    fn nothing_is_paid_twice_and_all_is_counted_once(scenario in any_scenario()) {
        let mut ledger = Ledger::default();
        play(&scenario, |step| ledger.hear(step));
    }

    /// With luck from here on, every task that has not ended is delivered.
    #[test]
    fn whatever_happened_there_is_a_way_to_the_end(scenario in any_scenario()) {
        let mut task = play(&scenario, |_| ());
        let mut now_ms = NOW_MS;
        for _ in 0..12 {
            if task.state.is_finished() {
                return Ok(());
            }
            match decide(&task, now_ms) {
                // At the end of time itself every session has expired.
                Action::Rest { until_ms: Some(until_ms) } if until_ms < i64::MAX => {
                    now_ms = until_ms;
                }
                Action::Rest { until_ms: Some(_) } => return Ok(()),
                _ => task = at(&task, next_success(&task, now_ms).1, now_ms).task,
            }
        }
        prop_assert!(task.state == State::Succeeded, "{task:?}");
    }
}
