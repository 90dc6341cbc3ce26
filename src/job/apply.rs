//! What an outcome makes of a task: one table over (state, outcome).
//!
//! A pair that is not in the table is an [`IllegalTransition`]. The files below fill in the rest of the task's row.

mod build;
mod create;
mod finish;
mod later;
mod lookup;

pub use build::{RESEND_READY, SLOT_KEPT_MS, Transition};

use super::{CreateAnswer, Moment, Outcome, Policy, State, Task, outcome::PermanentError, person};
use build::TransitionBuilder;

/// An outcome that cannot happen to a task in this state.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("job {key}: {outcome} cannot happen to a task that is {state}")]
#[expect(missing_docs, reason = "the names say it")]
pub struct IllegalTransition {
    pub key: String,
    pub state: State,
    pub outcome: String,
}

/// Makes the transition that `outcome` means for `task`.
pub fn apply(
    task: &Task,
    outcome: Outcome,
    moment: &Moment,
    policy: &Policy,
) -> Result<Transition, IllegalTransition> {
    use Outcome as O;
    use State as S;

    let build = TransitionBuilder { task, moment, policy };
    let transition = match (task.state, outcome) {
        // Before anything is sent.
        (S::Waiting, O::Due) => build.go(S::Queued, "its `not_before` time has come"),
        (S::Queued, O::AudioMeasured { length_ms }) => build.audio_measured(length_ms),
        (S::Queued | S::Identified, O::Identified { session, faces, cost }) => {
            build.identified(session, &faces, cost)
        }
        (S::Queued | S::Identified, O::Deferred(why)) => build.deferred(why),
        (S::Queued | S::Identified | S::Downloading, O::TransientError(error)) => {
            build.retry_later(error)
        }
        (S::Queued | S::Identified | S::Creating | S::Downloading, O::OutputBlocked(error)) => {
            build.output_blocked(&error)
        }
        (S::Queued | S::Identified, O::Refused(error)) => build.fail(error),
        (S::Queued | S::Identified, O::ResultOnDisk { task_id }) => build.result_on_disk(task_id),
        (S::Queued | S::Identified, O::Found { task_id }) => {
            build.accepted(task_id, "Kling already has the task:")
        }
        (S::Waiting | S::Queued, O::Abandoned) => build.abandoned(),
        // Lookups showed that its create request never arrived.
        (S::Identified | S::Creating | S::Unresolved, O::Abandoned) if !task.was_accepted() => {
            build.abandoned()
        }
        (S::Queued | S::Identified, O::Postponed { until_ms }) => build.postponed(until_ms),
        (S::Cancelled | S::Failed, O::Revived { sessions_after_ms }) if !task.was_accepted() => {
            build.revived(sessions_after_ms)
        }

        // The paid step.
        (S::Identified, O::SessionGone(why)) => {
            build.session_gone(PermanentError { code: "session_gone".to_owned(), message: why })
        }
        (S::Identified | S::Creating, O::Conflict(why)) => build.unresolved(&why),
        (S::Identified, O::CreateIntended { host, account }) => build.intend(host, account),
        (S::Creating, O::ResendIntended { account, absent_ms }) if build.is_settled(absent_ms) => {
            build.intend_again(account)
        }
        (S::Creating, O::Accepted { task_id }) => build.accepted(task_id, "accepted as task"),
        (S::Creating | S::Unresolved, O::Found { task_id }) => {
            build.accepted(task_id, "found by lookup: task")
        }
        (S::Creating, O::NotSent(why)) => build.not_sent(why),
        (S::Creating, O::Deferred(why)) => build.deferred(why),
        (S::Creating, O::Lost(why)) => build.lost(&why),
        (S::Creating, O::Absent { absent_ms }) => build.absent(absent_ms),
        (S::Creating, O::TransientError(error)) => build.lookup_failed(error),
        (S::Creating, O::Undecided { why, absent_ms }) => build.undecided(&why, absent_ms),
        (S::Creating, O::Refused(error)) => build.refused(CreateAnswer::Refused, error),
        (S::Creating, O::CreateRefused { answer, error }) => build.maybe_refused(answer, error),
        (S::Unresolved, O::Reopened) => build.reopened(),

        // The task.
        (S::Submitted, O::Processing) => build.go(S::Processing, "Kling started processing"),
        (S::Submitted | S::Processing, O::TaskNotFound(why)) => build.task_not_found(&why),
        (S::Submitted | S::Processing, O::TaskStatusUnknown(why)) => build.status_unknown(&why),
        (S::Submitted | S::Processing, O::Found { task_id }) => build.found_by_name(task_id),
        (S::Submitted | S::Processing, O::TaskReappeared) => {
            build.go(task.state, "Kling shows the task again")
        }
        (S::Submitted | S::Processing, O::TaskSucceeded { charge }) => build.task_succeeded(charge),
        (S::Submitted | S::Processing, O::TaskFailed { message, charge }) => {
            build.task_failed(message, charge)
        }
        (S::Submitted | S::Processing | S::Downloading, O::Refused(error)) => build.fail(error),
        (S::Downloading, O::Delivered(result)) => build.delivered(result),

        // What people decide.
        (S::Creating | S::Unresolved, O::ResolvedAs { task_id }) if !task.is_sending() => {
            build.accepted(task_id, person::RESOLVED)
        }
        // A typing error: the task that was named does not exist.
        (S::Submitted, O::ResolvedAs { task_id }) if task.is_not_found() => {
            build.task_renamed(task_id)
        }
        (S::Creating | S::Unresolved, O::ResolvedAsUnsent { is_sure }) if !task.is_sending() => {
            build.resolved_as_unsent(is_sure)
        }
        (S::Failed, O::FollowedAgain) if task.was_accepted() => build.followed_again(),

        (state, outcome) => {
            return Err(IllegalTransition {
                key: task.spec.key.clone(),
                state,
                outcome: outcome_name(&outcome),
            });
        }
    };
    Ok(build.with_slot(transition))
}

/// The variant's name alone: an outcome's content does not belong in an error.
fn outcome_name(outcome: &Outcome) -> String {
    let debug = format!("{outcome:?}");
    debug.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}
