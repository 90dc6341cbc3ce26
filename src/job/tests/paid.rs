//! What money hangs on: nothing is sent anew that may have been sent, each task and each deduction
//! is counted once, and whatever happened, every job can come to its end.

use proptest::prelude::*;

use super::{
    story::{Step, a_story, luck, tell},
    *,
};
use crate::job::{Action, decide, outcome::Fault};

/// What the API may have of a job, as far as what happened tells.
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
            "ResendIntended" | "Lost" | "Accepted" | "Found" | "Published" | "ResolvedAs" => {
                self.open = true;
            }
            // Proven not to have left, or refused by a code, and not sent before either.
            "NotSent" | "HeldBack" | "SessionGone" if before.state == State::Creating => {
                self.open = is_remembered(&moved.task);
            }
            "Refused" if before.state == State::Creating => self.open = false,
            // A person's word.
            "Retried" | "ResolvedAsUnsent" => self.open = false,
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
        let names_a_task = matches!(*name, "Accepted" | "Found" | "Published" | "ResolvedAs")
            && before.task_id.is_none();
        assert_eq!(spend.tasks, i64::from(names_a_task), "{name}");
        self.tasks += spend.tasks;
        assert!(spend.identify_micro >= 0 && spend.task_micro >= 0, "{name}");
        self.micro =
            self.micro.saturating_add(spend.identify_micro).saturating_add(spend.task_micro);
        assert!(task.units_micro >= before.units_micro, "{name}");
        assert_eq!(task.units_micro, self.micro, "{name}");
        let attempts = i64::from(task.attempt);
        assert!(self.tasks <= attempts, "{} tasks in {attempts} attempts: {name}", self.tasks);
    }
}

/// A name is left behind only once the account may know it: whoever lost count of the retries asks for the
/// names in their order, and must come upon the one that was paid for.
#[test]
fn a_retry_of_what_was_never_sent_keeps_its_name() {
    let fault = || Fault { code: "x".to_owned(), message: "y".to_owned() };
    for (ended, name) in [
        (at(&task_in(State::Queued), Outcome::Cancelled, NOW_MS), "ext"),
        (at(&task_in(State::Waiting), Outcome::MediaUnfit(fault()), NOW_MS), "ext"),
        (at(&task_in(State::Identified), Outcome::Refused(fault()), NOW_MS), "ext"),
        (at(&task_in(State::Creating), Outcome::Refused(fault()), NOW_MS), "ext-2"),
        (at(&task_in(State::Processing), Outcome::Refused(fault()), NOW_MS), "ext-2"),
    ] {
        let again = at(&ended.task, Outcome::Retried, NOW_MS).task;
        assert_eq!(again.external_task_id(), name, "{}", ended.what);
        assert!(again.was_never_sent());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, ..ProptestConfig::with_cases(500)
    })]

    #[test]
    fn nothing_is_paid_twice_and_all_is_counted_once(story in a_story()) {
        let mut ledger = Ledger::default();
        tell(&story, |step| ledger.hear(step));
    }

    /// With luck from here on, every job that has not ended is delivered.
    #[test]
    fn whatever_happened_there_is_a_way_to_the_end(story in a_story()) {
        let mut task = tell(&story, |_| ());
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
                _ => task = at(&task, luck(&task, now_ms).1, now_ms).task,
            }
        }
        prop_assert!(task.state == State::Succeeded, "{job:?}");
    }
}
