//! Decisions of people in the history: their sentences, and how to recognise them.

use super::{Job, Task};

/// A person asked for another take.
pub const RETRY: &str = "retry:";

/// A person cancelled the job.
pub const CANCELLED: &str = "cancelled by `lipsyncd cancel`";

/// A person asked for the file again.
pub const FETCH: &str = "fetch:";

/// A person gave a verdict on the result: its [name](super::Verdict::name) comes next.
pub const VERDICT: &str = "verdict:";

/// A person named the task.
pub(super) const RESOLVED: &str = "resolved as task";

/// A person named another task than before.
pub(super) const RESOLVED_AGAIN: &str = "resolved again as task";

/// A person decided that Kling has no task.
pub(super) const RESOLVED_AS_UNSENT: &str =
    "resolved: Kling never accepted the create request, which may be sent again";

/// Names the take that a retry moves a job to. `earlier` is the accepted task that the job had before.
pub fn retried_take(take: u32, job: &Job, earlier: Option<&Task>) -> String {
    let is_same = |earlier: &Task| job.request_hash.as_ref() == Some(&earlier.request_hash);
    let of = if earlier.is_none_or(is_same) { "" } else { " of the changed request" };
    format!("take {take}{of}")
}

/// Whether a row of a job's history reports a command of a person.
pub fn is_by_a_person(what: &str) -> bool {
    [RETRY, CANCELLED, FETCH, VERDICT, RESOLVED, RESOLVED_AGAIN, RESOLVED_AS_UNSENT]
        .into_iter()
        .any(|beginning| what.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Moment, Outcome, State, Task, apply, outcome::PermanentError};
    use crate::testing::jobs::{POLICY, task};

    #[test]
    fn decisions_of_people_are_recognised() {
        let moment = Moment { now_ms: 5, chance: 0.5 };
        let sentence = |state, failing_since_ms, outcome| {
            let task = Task { state, failing_since_ms, ..task() };
            apply(&task, outcome, &moment, &POLICY).unwrap().what
        };
        let task_id = || "7".to_owned();
        for what in [
            sentence(State::Unresolved, None, Outcome::ResolvedAs { task_id: task_id() }),
            sentence(State::Submitted, Some(1), Outcome::ResolvedAs { task_id: task_id() }),
            sentence(State::Unresolved, None, Outcome::ResolvedAsUnsent { is_sure: false }),
            format!("{RETRY} take 2 begins"),
            CANCELLED.to_owned(),
        ] {
            assert!(is_by_a_person(&what), "{what}");
        }
        let error = PermanentError { code: "x".to_owned(), message: "no face speaks".to_owned() };
        for what in [
            sentence(State::Queued, None, Outcome::Refused(error)),
            sentence(State::Queued, None, Outcome::Abandoned),
            sentence(State::Creating, None, Outcome::Accepted { task_id: task_id() }),
        ] {
            assert!(!is_by_a_person(&what), "{what}");
        }
    }
}
