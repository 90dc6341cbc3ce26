//! What an outcome makes of a task: one table over (state, outcome).
//!
//! Every pair that is not listed is an illegal transition with a name, never silently accepted. The
//! table below says where a task goes; the functions under it fill in the rest of its row.

mod create;
mod later;
mod task;

pub use create::RESEND;

use super::{
    CreateAnswer, Failure, Moment, Outcome, Policy, REMOVED, Spend, State, Task,
    outcome::PermanentError, person, timing,
};

/// A task that Kling does not show keeps its slot for so long, or for `give_up_after`, if that is shorter.
pub const SLOT_KEPT_MS: i64 = 15 * 60 * 1000;

/// A move that the store is to write down.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The state of the task before.
    pub from: State,
    /// The task as it is to be.
    pub task: Task,
    /// What happened, for the history of its jobs and the log.
    pub what: String,
    /// What it adds to the day's account.
    pub spend: Spend,
    /// It only says again what the history of its jobs says already.
    pub repeats: bool,
}

/// An outcome that cannot come of a task in this state.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("job {key}: {outcome} cannot happen to a task that is {state}")]
pub struct IllegalTransition {
    /// The key of the lead job.
    pub key: String,
    /// Where it stands.
    pub state: State,
    /// What was said to have happened.
    pub outcome: String,
}

/// Makes the transition that `outcome` means for `task`.
///
/// # Errors
/// When the outcome cannot come of the state the task is in.
pub fn apply(
    task: &Task,
    outcome: Outcome,
    moment: &Moment,
    policy: &Policy,
) -> Result<Transition, IllegalTransition> {
    use Outcome as O;
    use State as S;

    let step = Step { task, moment, policy };
    let transition = match (task.state, outcome) {
        // Before anything is sent.
        (S::Waiting, O::Due) => step.go(S::Queued, "its time has come"),
        (S::Queued, O::AudioMeasured { length_ms }) => step.audio_measured(length_ms),
        (S::Queued | S::Identified, O::Identified { session, faces, units_micro }) => {
            step.identified(session, &faces, units_micro)
        }
        (S::Queued | S::Identified, O::Deferred(why)) => step.held_back(why),
        (S::Queued | S::Identified | S::Downloading, O::TransientError(trouble)) => {
            step.try_again_later(trouble)
        }
        (S::Queued | S::Identified | S::Creating | S::Downloading, O::OutputBlocked(trouble)) => {
            step.blocked(&trouble)
        }
        (S::Queued | S::Identified, O::Refused(fault)) => step.fail(fault),
        (S::Queued | S::Identified, O::ResultOnDisk { task_id }) => step.result_on_disk(task_id),
        (S::Queued | S::Identified, O::Found { task_id }) => {
            step.accepted(task_id, "Kling has it already: task")
        }
        (S::Waiting | S::Queued, O::Abandoned) => step.abandoned(),
        // Lookups showed that its create request never arrived.
        (S::Identified | S::Creating | S::Unresolved, O::Abandoned) if !task.was_accepted() => {
            step.abandoned()
        }
        (S::Queued | S::Identified, O::Postponed { until_ms }) => step.postponed(until_ms),
        (S::Cancelled | S::Failed, O::Revived { sessions_after_ms }) if !task.was_accepted() => {
            step.revived(sessions_after_ms)
        }

        // The paid step.
        (S::Identified, O::SessionGone(why)) => step.session_gone(why),
        (S::Identified | S::Creating, O::Conflict(why)) => step.unresolved(&why),
        (S::Identified, O::CreateIntended { host, account }) => step.intend(host, account),
        (S::Creating, O::ResendIntended { account, absent_ms }) if step.settled(absent_ms) => {
            step.intend_again(account)
        }
        (S::Creating, O::Accepted { task_id }) => step.accepted(task_id, "accepted as task"),
        (S::Creating | S::Unresolved, O::Found { task_id }) => {
            step.accepted(task_id, "found by lookup: task")
        }
        (S::Creating, O::NotSent(why)) => step.not_sent(why),
        (S::Creating, O::Deferred(why)) => step.held_back(why),
        (S::Creating, O::Lost(why)) => step.lost(&why),
        (S::Creating, O::Absent { absent_ms }) => step.absent(absent_ms),
        (S::Creating, O::TransientError(trouble)) => step.lookup_failed(trouble),
        (S::Creating, O::Undecided { why, absent_ms }) => step.undecided(&why, absent_ms),
        (S::Creating, O::Refused(fault)) => step.refused(CreateAnswer::Refused, fault),
        (S::Creating, O::CreateRefused { answer, fault }) => step.maybe_refused(answer, fault),
        (S::Unresolved, O::Reopened) => step.reopened(),

        // The task.
        (S::Submitted, O::Processing) => step.go(S::Processing, "Kling works on it"),
        (S::Submitted | S::Processing, O::TaskNotFound(why)) => step.unseen(&why),
        (S::Submitted | S::Processing, O::TaskStatusUnknown(why)) => step.unclear(&why),
        (S::Submitted | S::Processing, O::Found { task_id }) => step.found_by_name(task_id),
        (S::Submitted | S::Processing, O::TaskReappeared) => {
            step.go(task.state, "the API shows its task again")
        }
        (S::Submitted | S::Processing, O::TaskSucceeded { units_micro }) => {
            step.task_succeeded(units_micro)
        }
        (S::Submitted | S::Processing, O::TaskFailed { message, units_micro }) => {
            step.task_failed(message, units_micro)
        }
        (S::Submitted | S::Processing | S::Downloading, O::Refused(fault)) => step.fail(fault),
        (S::Downloading, O::Delivered(result)) => step.delivered(result),

        // What people decide.
        (S::Creating | S::Unresolved, O::ResolvedAs { task_id }) if !task.is_sending() => {
            step.accepted(task_id, person::RESOLVED)
        }
        // A slip of the pen: the task that was named does not exist.
        (S::Submitted, O::ResolvedAs { task_id }) if task.is_not_found() => step.renamed(task_id),
        (S::Creating | S::Unresolved, O::ResolvedAsUnsent { is_sure }) if !task.is_sending() => {
            step.resolved_as_unsent(is_sure)
        }
        (S::Failed, O::FollowedAgain) if task.was_accepted() => step.followed_again(),

        (state, outcome) => {
            return Err(IllegalTransition {
                key: task.spec.key.clone(),
                state,
                outcome: outcome_name(&outcome),
            });
        }
    };
    Ok(step.with_slot(transition))
}

/// One application of the table: where the task stands, and by what it is judged.
struct Step<'a> {
    task: &'a Task,
    moment: &'a Moment,
    policy: &'a Policy,
}

impl Step<'_> {
    /// The task in its new state, at once and with a clean slate of failures.
    fn fresh(&self, to: State) -> Task {
        Task {
            state: to,
            due_at_ms: 0,
            tries: 0,
            failing_since_ms: None,
            wait_reason: None,
            may_resend: false,
            output_blocked: false,
            ..self.task.clone()
        }
    }

    fn write(&self, task: Task, what: impl Into<String>) -> Transition {
        let (from, what, spend) = (self.task.state, what.into(), Spend::default());
        Transition { from, task, what, spend, repeats: false }
    }

    fn go(&self, to: State, what: &str) -> Transition {
        self.write(self.fresh(to), what)
    }

    /// A task that Kling does not show keeps its slot for [`SLOT_KEPT_MS`] at most.
    fn with_slot(&self, mut transition: Transition) -> Transition {
        let task = &mut transition.task;
        let unseen_since_ms = match task.state {
            State::Creating => task.create.as_ref().map(|create| create.sent_at_ms),
            State::Submitted | State::Processing => task.failing_since_ms,
            _ => None,
        };
        let kept_ms = SLOT_KEPT_MS.min(self.policy.give_up_after_ms);
        let unseen_ms = |since_ms: i64| self.moment.now_ms.saturating_sub(since_ms);
        task.slot_released = unseen_since_ms.is_some_and(|since_ms| unseen_ms(since_ms) > kept_ms);
        transition
    }

    fn fail(&self, fault: PermanentError) -> Transition {
        let what = fault.message.clone();
        let failure = Some(Failure { code: fault.code, message: fault.message });
        self.write(Task { failure, ..self.fresh(State::Failed) }, what)
    }

    fn audio_measured(&self, length_ms: i64) -> Transition {
        let mut task = self.fresh(State::Queued);
        task.media.audio_ms = Some(length_ms);
        self.write(task, format!("its audio lasts {length_ms} ms"))
    }

    fn identified(
        &self,
        session: super::Session,
        faces: &[super::FaceSpan],
        units_micro: i64,
    ) -> Transition {
        let spend = Spend { identify_micro: units_micro, ..Spend::default() };
        let (audio_ms, video_ms) = (self.task.media.audio_ms, self.task.media.video_ms);
        let units_micro = self.task.units_micro.saturating_add(units_micro);
        match timing::plan(&self.task.spec, faces, audio_ms, video_ms) {
            Ok(plan) => {
                let what = format!("face {} of {} speaks", plan.face_id, faces.len());
                let task = Task {
                    session: Some(session),
                    plan: Some(plan),
                    units_micro,
                    ..self.fresh(State::Identified)
                };
                Transition { spend, ..self.write(task, what) }
            }
            Err(fault) => {
                let fault =
                    PermanentError { code: fault.code().to_owned(), message: fault.to_string() };
                let failed = self.fail(fault);
                Transition { spend, task: Task { units_micro, ..failed.task }, ..failed }
            }
        }
    }

    fn postponed(&self, until_ms: i64) -> Transition {
        let task = Task { due_at_ms: until_ms, ..self.fresh(State::Waiting) };
        self.write(task, "its `not_before` has not come")
    }

    fn abandoned(&self) -> Transition {
        let message = "no job asks for it any more".to_owned();
        let failure = Some(Failure { code: REMOVED.to_owned(), message: message.clone() });
        self.write(Task { failure, create: None, ..self.fresh(State::Cancelled) }, message)
    }

    /// The same take again: only an accepted task uses a take up.
    fn revived(&self, sessions_after_ms: i64) -> Transition {
        let not_before_ms = self.task.spec.not_before_at_ms.unwrap_or(0);
        let fresh = match not_before_ms > self.moment.now_ms {
            true => Task { due_at_ms: not_before_ms, ..self.fresh(State::Waiting) },
            false => self.fresh(State::Queued),
        };
        let task = Task {
            session: None,
            plan: None,
            failure: None,
            sessions_lost: 0,
            sessions_after_ms: sessions_after_ms.max(self.task.sessions_after_ms),
            ..fresh
        };
        self.write(task, format!("take {} is asked for again", self.task.take))
    }
}

/// The variant's name alone: an outcome's content does not belong in an error.
fn outcome_name(outcome: &Outcome) -> String {
    let debug = format!("{outcome:?}");
    debug.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}
