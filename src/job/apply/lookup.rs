//! Lookups of a create request with an unknown outcome: found nothing, failed, or left to a person.

use super::{
    build::{RESEND_READY, TransitionBuilder},
    create::without_create,
    later::rough,
};
use crate::job::{
    CreateAnswer, CreateAttempt, Failure, Resend, State, Task, Transition,
    outcome::{PermanentError, TransientError},
    person,
    retry::delay_ms,
};

impl TransitionBuilder<'_> {
    /// No task of the name exists. After the settle time the refusal counts, or the same create request may be
    /// sent again. If the only send was refused, no task can appear later, and the settle time is not needed.
    pub(super) fn absent(&self, absent_ms: i64) -> Transition {
        let Some(create) = &self.task.create else { return self.wait_for_lookup(absent_ms, "") };
        let is_settled =
            self.is_settled(absent_ms) || create.is_refused() && !self.was_sent_before();
        let failure = create.failure.clone().filter(|_| is_settled);
        match (create.answer, failure) {
            (CreateAnswer::SessionGone, Some(Failure { code, message })) => {
                self.session_gone(PermanentError { code, message })
            }
            // With a young session, the refusal of a second send may mean that the first one has become a task.
            (CreateAnswer::MaybeSessionGone, Some(Failure { code, message }))
                if !(self.was_sent_before() && self.is_session_young()) =>
            {
                self.session_gone(PermanentError { code, message })
            }
            (
                CreateAnswer::Refused | CreateAnswer::MaybeSessionGone,
                Some(Failure { code, message }),
            ) => without_create(self.fail(PermanentError { code, message })),
            (CreateAnswer::Unknown, _) if is_settled => {
                let task = Task {
                    tries: self.task.tries.saturating_add(1),
                    wait_reason: Some(RESEND_READY.to_owned()),
                    may_resend: true,
                    ..self.fresh(State::Creating)
                };
                self.write(task, RESEND_READY)
            }
            _ => self.wait_for_lookup(absent_ms, "Kling shows no task of this name so far"),
        }
    }

    /// No query can show whether the task exists. After the settle time, a person has to decide.
    pub(super) fn undecided(&self, why: &str, absent_ms: i64) -> Transition {
        if self.is_settled(absent_ms) {
            return self.unresolved(why);
        }
        self.wait_for_lookup(absent_ms, why)
    }

    pub(super) fn unresolved(&self, why: &str) -> Transition {
        let sent = self.task.create.as_ref().map(CreateAttempt::summary);
        let sent = sent.map(|sent| format!(" (create request {sent})")).unwrap_or_default();
        let wait_reason = Some(format!("{why}{sent}"));
        self.write(Task { wait_reason, ..self.fresh(State::Unresolved) }, why)
    }

    fn wait_for_lookup(&self, absent_ms: i64, seen: &str) -> Transition {
        let tries = self.task.tries.saturating_add(1);
        let left_ms = self.policy.create_settle_ms.saturating_sub(absent_ms).max(1);
        let delay_ms = delay_ms(self.policy, tries, 1.0).min(left_ms);
        let due_at_ms = self.moment.now_ms.saturating_add(delay_ms);
        let wait_reason = Some(self.task.open_create_reason(seen));
        let task = Task { tries, due_at_ms, wait_reason, ..self.fresh(State::Creating) };
        self.write(task, format!("lookup: {seen}"))
    }

    /// A lookup failed, or proved nothing. After `give_up_after` of such lookups, a person has to decide.
    pub(super) fn lookup_failed(&self, error: TransientError) -> Transition {
        let since_ms = self.task.failing_since_ms.unwrap_or(self.moment.now_ms);
        let failing_ms = self.moment.now_ms.saturating_sub(since_ms);
        if self.has_failed_for_good(failing_ms) {
            let why = format!(
                "for {} no lookup has shown whether Kling has the task; last error: {}",
                rough(failing_ms),
                error.message
            );
            return self.unresolved(&why);
        }
        let mut later = self.delayed(&error, since_ms);
        let failed = format!("the last lookup failed: {}", error.message);
        later.task.wait_reason = Some(self.task.open_create_reason(&failed));
        later
    }

    /// It is looked up again. A task without a create request is created next.
    pub(super) fn reopened(&self) -> Transition {
        let what = "new information about the account's tasks: looking the task up again";
        if self.task.create.is_none() {
            return self.go(State::Identified, what);
        }
        let wait_reason = Some(self.task.open_create_reason("lookups may find the task now"));
        self.write(Task { wait_reason, ..self.fresh(State::Creating) }, what)
    }

    pub(super) fn resolved_as_unsent(&self, is_sure: bool) -> Transition {
        let decision = if is_sure { Resend::Sure } else { Resend::Checked };
        let task = Task { create: None, resend: Some(decision), ..self.fresh(State::Identified) };
        self.write(task, person::RESOLVED_AS_UNSENT)
    }

    pub(super) fn is_settled(&self, absent_ms: i64) -> bool {
        absent_ms >= self.policy.create_settle_ms
    }
}
