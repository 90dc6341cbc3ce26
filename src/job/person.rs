//! How the history says what people decide, and how a line of it is told from all others.

/// A fresh attempt was asked for.
pub(super) const RETRY: &str = "retry: attempt";

/// It was taken back.
pub(super) const CANCELLED: &str = "cancelled by `lipsyncd cancel`";

/// Its task was named.
pub(super) const RESOLVED: &str = "resolved as task";

/// Its task was named, in place of one that was named before.
pub(super) const RESOLVED_ANEW: &str = "resolved anew as task";

/// It was said to have no task.
pub(super) const RESOLVED_AS_UNSENT: &str =
    "resolved: it was never accepted, and may be sent again";

/// Whether a line of a job's history tells of what a person did by a command.
#[must_use]
pub fn is_by_a_person(what: &str) -> bool {
    [RETRY, CANCELLED, RESOLVED, RESOLVED_ANEW, RESOLVED_AS_UNSENT]
        .into_iter()
        .any(|beginning| what.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{
        Job, Moment, Outcome, State, apply,
        outcome::Fault,
        tests::{POLICY, spec},
    };

    #[test]
    fn what_people_decide_is_known_by_its_words() {
        let moment = Moment { now_ms: 5, chance: 0.5 };
        let said = |state, failing_since_ms, outcome| {
            let job = Job { state, failing_since_ms, ..Job::new(spec(), "e".to_owned(), 0) };
            apply(&job, outcome, &moment, &POLICY).unwrap().what
        };
        let task_id = || "7".to_owned();
        for what in [
            said(State::Failed, None, Outcome::Retried),
            said(State::Queued, None, Outcome::Cancelled),
            said(State::Unresolved, None, Outcome::ResolvedAs { task_id: task_id() }),
            said(State::Submitted, Some(1), Outcome::ResolvedAs { task_id: task_id() }),
            said(State::Unresolved, None, Outcome::ResolvedAsUnsent),
        ] {
            assert!(is_by_a_person(&what), "{what}");
        }
        let fault = Fault { code: "x".to_owned(), message: "no face speaks".to_owned() };
        for what in [
            said(State::Queued, None, Outcome::Refused(fault)),
            said(State::Queued, None, Outcome::Removed),
            said(State::Creating, None, Outcome::Accepted { task_id: task_id() }),
        ] {
            assert!(!is_by_a_person(&what), "{what}");
        }
    }
}
