//! The create request: recorded, sent, accepted, refused, or without an answer.

use super::build::TransitionBuilder;
use crate::job::{
    CreateAnswer, CreateAttempt, Failure, Spend, State, Task, Transition,
    outcome::{PermanentError, TransientError},
};

/// How often the video is identified again because old sessions may have expired, if no refusal says that they have.
const UNSURE_LOST_MAX: u32 = 5;

impl TransitionBuilder<'_> {
    /// The create request is recorded before it is sent, so that a crash in between cannot hide it.
    pub(super) fn intend(&self, host: String, account: String) -> Transition {
        let now_ms = self.moment.now_ms;
        let create = Some(CreateAttempt {
            host,
            account,
            first_sent_at_ms: now_ms,
            sent_at_ms: now_ms,
            sends: 1,
            answer: CreateAnswer::Unknown,
            failure: None,
        });
        let what = "sending the create request";
        // Earlier failures are kept: a create request that never leaves the machine must end some day, and
        // its delays must grow.
        let (tries, failing_since_ms) = (self.task.tries, self.task.failing_since_ms);
        let task = Task { create, tries, failing_since_ms, ..self.fresh(State::Creating) };
        self.write(task, what)
    }

    pub(super) fn intend_again(&self, account: String) -> Transition {
        let task = self.with_create(|create| {
            create.account = account;
            create.sent_at_ms = self.moment.now_ms;
            create.sends = create.sends.saturating_add(1);
            (create.answer, create.failure) = (CreateAnswer::Unknown, None);
        });
        let what = format!(
            "Kling has no task of this name; sending the same create request again as {}",
            task.external_task_id()
        );
        self.write(task, what)
    }

    pub(super) fn accepted(&self, task_id: String, how: &str) -> Transition {
        let what = format!("{how} {task_id}");
        let task = Task { task_id: Some(task_id), ..self.fresh(State::Submitted) };
        let at_ms = self.task.create.as_ref().map(|create| create.sent_at_ms);
        let spend = Spend { tasks: 1, at_ms, ..Spend::default() };
        Transition { spend, ..self.write(task, what) }
    }

    /// The session is refused, or may be what is refused: the video is identified again. Identifying costs, so that a task
    /// whose new session is refused as well fails with that refusal.
    pub(super) fn session_gone(&self, error: PermanentError) -> Transition {
        let is_unsure = self.create_answer() == Some(CreateAnswer::MaybeSessionGone);
        let lost = self.task.sessions_lost;
        if lost > 0 && self.is_session_young() || is_unsure && lost >= UNSURE_LOST_MAX {
            return without_create(self.fail(error));
        }
        let since_ms = self.task.session.as_ref().map(|session| session.identified_at_ms);
        let queued =
            self.go(State::Queued, &format!("identifying the video again: {}", error.message));
        let task = Task {
            session: None,
            plan: None,
            sessions_lost: lost.saturating_add(1),
            // Never the same session again, which other tasks of the video may still use.
            sessions_after_ms: since_ms
                .map_or(0, |since_ms| since_ms.saturating_add(1))
                .max(self.task.sessions_after_ms),
            ..queued.task
        };
        without_create(Transition { task, ..queued })
    }

    pub(super) fn is_session_young(&self) -> bool {
        self.task.is_session_young(self.moment.now_ms)
    }

    fn create_answer(&self) -> Option<CreateAnswer> {
        self.task.create.as_ref().map(|create| create.answer)
    }

    /// A refusal that says nothing about a task of the same name. The refusal counts, unless an earlier send
    /// may have been accepted.
    pub(super) fn refused(&self, answer: CreateAnswer, error: PermanentError) -> Transition {
        match self.was_sent_before() {
            true => self.maybe_refused(answer, error),
            false => without_create(self.fail(error)),
        }
    }

    /// A refusal that counts only once no task of the name is found.
    pub(super) fn maybe_refused(&self, answer: CreateAnswer, error: PermanentError) -> Transition {
        let what = format!("Kling refused the create request: {}", error.message);
        self.answered(answer, error.into(), what)
    }

    pub(super) fn not_sent(&self, why: String) -> Transition {
        let error =
            TransientError { code: "transport".to_owned(), message: why, retry_after_ms: None };
        if self.was_sent_before() {
            return self.lookup_failed(error);
        }
        let back = Task { state: State::Identified, create: None, ..self.task.clone() };
        let retried = TransitionBuilder { task: &back, ..*self }.retry_later(error);
        Transition { from: self.task.state, ..retried }
    }

    pub(super) fn lost(&self, why: &str) -> Transition {
        let what = format!("no answer to the create request: {why}");
        let failure = Failure { code: "transport".to_owned(), message: why.to_owned() };
        self.answered(CreateAnswer::Unknown, failure, what)
    }

    fn answered(&self, answer: CreateAnswer, failure: Failure, what: String) -> Transition {
        let task = self.with_create(|create| {
            (create.answer, create.failure) = (answer, Some(failure));
        });
        let wait_reason = Some(task.open_create_reason(""));
        self.write(Task { wait_reason, ..task }, what)
    }

    pub(super) fn was_sent_before(&self) -> bool {
        self.task.create.as_ref().is_some_and(CreateAttempt::was_sent_before)
    }

    fn with_create(&self, change: impl FnOnce(&mut CreateAttempt)) -> Task {
        let mut task = self.fresh(State::Creating);
        if let Some(create) = &mut task.create {
            change(create);
        }
        task
    }
}

pub(super) fn without_create(ended: Transition) -> Transition {
    Transition { task: Task { create: None, ..ended.task }, ..ended }
}
