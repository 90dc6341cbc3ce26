//! Builds transitions: the parts that all phases use, and the phase before anything is sent.

use crate::job::{
    Cost, FaceSpan, Failure, Moment, Observation, Policy, REMOVED, Session, Spend, State, Task,
    outcome::PermanentError, timing,
};

/// A task that Kling does not show keeps its slot for this long, or for `give_up_after`, if that is shorter.
pub const SLOT_KEPT_MS: i64 = 15 * 60 * 1000;

/// Why a task with an open create request waits once lookups have shown that Kling has no task for it.
pub const RESEND_READY: &str =
    "Kling has no task of this name; the create request will be sent again";

/// A state change that the store is to write.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Transition {
    pub from: State,
    pub task: Task,
    pub what: String,
    pub spend: Spend,
    /// Whether the history of its jobs has the same sentence already.
    pub repeats: bool,
}

pub(super) struct TransitionBuilder<'a> {
    pub(super) task: &'a Task,
    pub(super) moment: &'a Moment,
    pub(super) policy: &'a Policy,
}

impl TransitionBuilder<'_> {
    /// Returns the task in its new state, due at once, without failures and wait reasons.
    pub(super) fn fresh(&self, to: State) -> Task {
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

    pub(super) fn write(&self, task: Task, what: impl Into<String>) -> Transition {
        let (from, what, spend) = (self.task.state, what.into(), Spend::default());
        Transition { from, task, what, spend, repeats: false }
    }

    pub(super) fn go(&self, to: State, what: &str) -> Transition {
        self.write(self.fresh(to), what)
    }

    pub(super) fn fail(&self, error: PermanentError) -> Transition {
        let what = error.message.clone();
        self.write(Task { failure: Some(error.into()), ..self.fresh(State::Failed) }, what)
    }

    /// Decides whether the task still holds a slot: one that Kling does not show releases it after
    /// [`SLOT_KEPT_MS`]. A create request that released it, or was unresolved, gets none before it is sent again: other
    /// tasks may have its slot by now.
    pub(super) fn with_slot(&self, mut transition: Transition) -> Transition {
        let task = &mut transition.task;
        let hidden_since_ms = match task.state {
            State::Creating => task.create.as_ref().map(|create| create.sent_at_ms),
            State::Submitted | State::Processing => task.failing_since_ms,
            _ => None,
        };
        let is_long_hidden = hidden_since_ms.is_some_and(|since_ms| {
            self.moment.now_ms.saturating_sub(since_ms) > self.slot_kept_ms()
        });
        let sends = |task: &Task| task.create.as_ref().map(|create| create.sends);
        let was_released = self.task.state == State::Unresolved || self.task.slot_released;
        let is_still_released =
            task.state == State::Creating && was_released && sends(task) == sends(self.task);
        task.slot_released = is_long_hidden || is_still_released;
        transition
    }

    pub(super) fn slot_kept_ms(&self) -> i64 {
        SLOT_KEPT_MS.min(self.policy.give_up_after_ms)
    }

    pub(super) fn audio_measured(&self, length_ms: i64) -> Transition {
        let mut task = self.fresh(State::Queued);
        task.media.audio_ms = Some(length_ms);
        self.write(task, format!("audio measured: {length_ms} ms"))
    }

    pub(super) fn identified(
        &self,
        session: Session,
        faces: &[FaceSpan],
        cost: Option<Cost>,
    ) -> Transition {
        let observed = cost.map(Observation::Identify);
        let cost = cost.unwrap_or_default();
        let spend = Spend { identify: cost, observed, ..Spend::default() };
        let (audio_ms, video_ms) = (self.task.media.audio_ms, self.task.media.video_ms);
        let cost = self.task.cost.plus(cost);
        match timing::plan(&self.task.spec, faces, audio_ms, video_ms) {
            Ok(plan) => {
                let what =
                    format!("video identified: face {} of {} speaks", plan.face_id, faces.len());
                let task = Task {
                    session: Some(session),
                    plan: Some(plan),
                    cost,
                    ..self.fresh(State::Identified)
                };
                Transition { spend, ..self.write(task, what) }
            }
            Err(error) => {
                let (code, message) = (error.code().to_owned(), error.to_string());
                let failed = self.fail(PermanentError { code, message });
                Transition { spend, task: Task { cost, ..failed.task }, ..failed }
            }
        }
    }

    pub(super) fn postponed(&self, until_ms: i64) -> Transition {
        let task = Task { due_at_ms: until_ms, ..self.fresh(State::Waiting) };
        self.write(task, "its `not_before` time has not come yet")
    }

    pub(super) fn abandoned(&self) -> Transition {
        let message = "no job asks for this task any more".to_owned();
        let failure = Some(Failure { code: REMOVED.to_owned(), message: message.clone() });
        self.write(Task { failure, create: None, ..self.fresh(State::Cancelled) }, message)
    }

    /// The same take again: only an accepted task uses a take up.
    pub(super) fn revived(&self, sessions_after_ms: i64) -> Transition {
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
        self.write(task, format!("take {} is requested again", self.task.take))
    }
}
