//! How the history words what people decide, and how such a row is recognised.

use super::{Job, Task};

/// Another take was asked for.
pub const RETRY: &str = "retry:";

/// It was cancelled.
pub const CANCELLED: &str = "cancelled by `lipsyncd cancel`";

/// Its file was asked for again.
pub const FETCH: &str = "fetch:";

/// Its task was named.
pub(super) const RESOLVED: &str = "resolved as task";

/// Its task was named, in place of one that was named before.
pub(super) const RESOLVED_ANEW: &str = "resolved anew as task";

/// It was said to have no task.
pub(super) const RESOLVED_AS_UNSENT: &str =
    "resolved: it was never accepted, and may be sent again";

/// Names the take that a retry moves a job to. `earlier` is the accepted task that the job had before.
#[must_use]
pub fn retried_take(take: u32, job: &Job, earlier: Option<&Task>) -> String {
    let is_same = |earlier: &Task| job.request_hash.as_ref() == Some(&earlier.request_hash);
    let of = if earlier.is_none_or(is_same) { "" } else { " of the changed request" };
    format!("take {take}{of}")
}

/// Whether a row of a job's history reports what a person did by a command.
#[must_use]
pub fn is_by_a_person(what: &str) -> bool {
    [RETRY, CANCELLED, FETCH, RESOLVED, RESOLVED_ANEW, RESOLVED_AS_UNSENT]
        .into_iter()
        .any(|beginning| what.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Moment, Outcome, State, Task, apply, outcome::PermanentError};
    use crate::testing::jobs::{POLICY, task};

    #[test]
    fn what_people_decide_is_known_by_its_words() {
        let moment = Moment { now_ms: 5, chance: 0.5 };
        let said = |state, failing_since_ms, outcome| {
            let task = Task { state, failing_since_ms, ..task() };
            apply(&task, outcome, &moment, &POLICY).unwrap().what
        };
        let task_id = || "7".to_owned();
        for what in [
            said(State::Unresolved, None, Outcome::ResolvedAs { task_id: task_id() }),
            said(State::Submitted, Some(1), Outcome::ResolvedAs { task_id: task_id() }),
            said(State::Unresolved, None, Outcome::ResolvedAsUnsent { is_sure: false }),
            format!("{RETRY} take 2 begins"),
            CANCELLED.to_owned(),
        ] {
            assert!(is_by_a_person(&what), "{what}");
        }
        let fault = PermanentError { code: "x".to_owned(), message: "no face speaks".to_owned() };
        for what in [
            said(State::Queued, None, Outcome::Refused(fault)),
            said(State::Queued, None, Outcome::Abandoned),
            said(State::Creating, None, Outcome::Accepted { task_id: task_id() }),
        ] {
            assert!(!is_by_a_person(&what), "{what}");
        }
    }
}
