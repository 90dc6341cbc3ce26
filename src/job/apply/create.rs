//! The outcomes of the paid step: written, accepted, lost, refused, looked up.

use super::Step;
use crate::job::{
    CreateAnswer, CreateAttempt, Failure, Resend, Spend, State, Task, Transition,
    outcome::{PermanentError, TransientError},
    person,
    retry::delay_ms,
};

/// So many young sessions may get lost under one attempt before it fails.
const SESSIONS_LOST_MAX: u32 = 3;

/// A session that is older may have run out; how long one holds, the API's page does not say.
const SESSION_YOUNG_MS: i64 = 5 * 60 * 1000;

impl Step<'_> {
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
        let what = format!("create request written as {}", self.task.external_task_id());
        // What it failed at before is kept: a create request that never leaves the machine must come to an
        // end, and its delays must grow.
        let (tries, failing_since_ms) = (self.task.tries, self.task.failing_since_ms);
        let task = Task { create, tries, failing_since_ms, ..self.fresh(State::Creating) };
        self.write(task, what)
    }

    pub(super) fn intend_again(&self, account: String) -> Transition {
        let task = self.changed(|create| {
            create.account = account;
            create.sent_at_ms = self.moment.now_ms;
            create.sends = create.sends.saturating_add(1);
            (create.answer, create.failure) = (CreateAnswer::Unknown, None);
        });
        let what = format!(
            "Kling has no task of this name: the same create request written again as {}",
            task.external_task_id()
        );
        self.write(task, what)
    }

    pub(super) fn accepted(&self, task_id: String, how: &str) -> Transition {
        let what = format!("{how} {task_id}");
        let task = Task { task_id: Some(task_id), ..self.fresh(State::Submitted) };
        Transition { spend: Spend { tasks: 1, ..Spend::default() }, ..self.write(task, what) }
    }

    /// The video is identified again; an API that loses one session after the other must not be
    /// paid for identifying for ever.
    pub(super) fn session_gone(&self, why: String) -> Transition {
        let since_ms = self.task.session.as_ref().map(|session| session.identified_at_ms);
        // One from a time to come says nothing: the clock was set back since.
        let is_young = since_ms.is_none_or(|since_ms| {
            (0..SESSION_YOUNG_MS).contains(&self.moment.now_ms.saturating_sub(since_ms))
        });
        let sessions_lost = self.task.sessions_lost.saturating_add(u32::from(is_young));
        if is_young && sessions_lost >= SESSIONS_LOST_MAX {
            return self.uncreated(
                self.fail(PermanentError { code: "session_gone".to_owned(), message: why }),
            );
        }
        let queued = self.go(State::Queued, &why);
        let task = Task { session: None, plan: None, sessions_lost, ..queued.task };
        self.uncreated(Transition { task, ..queued })
    }

    /// A refusal that says nothing of a task of the same name. It counts, unless an earlier send may have been
    /// accepted.
    pub(super) fn refused(&self, answer: CreateAnswer, fault: PermanentError) -> Transition {
        match self.was_sent_before() {
            true => self.maybe_refused(answer, fault),
            false => self.uncreated(self.fail(fault)),
        }
    }

    /// A refusal that counts only once no task of the name is found.
    pub(super) fn maybe_refused(&self, answer: CreateAnswer, fault: PermanentError) -> Transition {
        let what = format!("the create request was refused: {}", fault.message);
        self.answered(answer, Failure { code: fault.code, message: fault.message }, what)
    }

    pub(super) fn not_sent(&self, why: String) -> Transition {
        let trouble =
            TransientError { code: "transport".to_owned(), message: why, retry_after_ms: None };
        if self.was_sent_before() {
            return self.lookup_failed(trouble);
        }
        let back = Task { state: State::Identified, create: None, ..self.task.clone() };
        let retried = Step { task: &back, ..*self }.try_again_later(trouble);
        Transition { from: self.task.state, ..retried }
    }

    pub(super) fn lost(&self, why: &str) -> Transition {
        let what = format!("the answer to the create request was lost: {why}");
        let failure = Failure { code: "transport".to_owned(), message: why.to_owned() };
        self.answered(CreateAnswer::Unknown, failure, what)
    }

    fn answered(&self, answer: CreateAnswer, failure: Failure, what: String) -> Transition {
        let task = self.changed(|create| {
            (create.answer, create.failure) = (answer, Some(failure));
        });
        let wait_reason = Some(open_create(&task, "next lookup"));
        self.write(Task { wait_reason, ..task }, what)
    }

    /// No task of the name exists. Once that has been so for the settle time, the refusal counts, or the same
    /// create request may be sent again. After a refusal of the only send, nothing can show up later.
    pub(super) fn absent(&self, absent_ms: i64) -> Transition {
        let Some(create) = &self.task.create else { return self.wait_for_lookup(absent_ms, "") };
        let is_refused = matches!(create.answer, CreateAnswer::Refused | CreateAnswer::SessionGone);
        let is_settled = self.settled(absent_ms) || is_refused && !self.was_sent_before();
        let failure = create.failure.clone().filter(|_| is_settled);
        match (create.answer, failure) {
            (CreateAnswer::Refused, Some(Failure { code, message })) => {
                self.uncreated(self.fail(PermanentError { code, message }))
            }
            (CreateAnswer::SessionGone, Some(failure)) => self.session_gone(failure.message),
            (CreateAnswer::Unknown, _) if is_settled => {
                let tries = self.task.tries.saturating_add(1);
                let waits = Some(format!("{RESEND}, because Kling has no task of it"));
                let task = Task {
                    tries,
                    wait_reason: waits,
                    may_resend: true,
                    ..self.fresh(State::Creating)
                };
                self.write(task, "Kling has no task of this name: it may be sent again")
            }
            _ => self.wait_for_lookup(absent_ms, "Kling shows no task of this name so far"),
        }
    }

    /// Nothing that can be asked decides: after the settle time, a person has to.
    pub(super) fn undecided(&self, why: &str, absent_ms: i64) -> Transition {
        if self.settled(absent_ms) {
            return self.unresolved(why);
        }
        self.wait_for_lookup(absent_ms, why)
    }

    /// A person has to decide, and needs to know why.
    pub(super) fn unresolved(&self, why: &str) -> Transition {
        let sent = self.task.create.as_ref().map(sent);
        let sent = sent.map(|sent| format!(" (its create request was {sent})"));
        let wait_reason = Some(format!("{why}{}", sent.unwrap_or_default()));
        self.write(Task { wait_reason, ..self.fresh(State::Unresolved) }, why)
    }

    fn wait_for_lookup(&self, absent_ms: i64, seen: &str) -> Transition {
        let tries = self.task.tries.saturating_add(1);
        let left_ms = self.policy.create_settle_ms.saturating_sub(absent_ms).max(1);
        let delay_ms = delay_ms(self.policy, tries, 1.0).min(left_ms);
        let due_at_ms = self.moment.now_ms.saturating_add(delay_ms);
        let wait_reason = Some(open_create(self.task, &format!("{seen}; next lookup")));
        let task = Task { tries, due_at_ms, wait_reason, ..self.fresh(State::Creating) };
        self.write(task, format!("lookup: {seen}"))
    }

    /// A lookup failed, or proved nothing. After `give_up_after` of that, a person has to decide.
    pub(super) fn lookup_failed(&self, trouble: TransientError) -> Transition {
        let since_ms = self.task.failing_since_ms.unwrap_or(self.moment.now_ms);
        let failing_ms = self.moment.now_ms.saturating_sub(since_ms);
        if self.is_enough(failing_ms) {
            let why = format!(
                "for {}, nothing has shown whether Kling has a task of this name, the last: {}",
                super::later::rough(failing_ms),
                trouble.message
            );
            return self.unresolved(&why);
        }
        let mut later = self.delayed(&trouble, since_ms);
        let next = format!("the last lookup failed: {}; next lookup", trouble.message);
        later.task.wait_reason = Some(open_create(self.task, &next));
        later
    }

    /// It is looked up again. Without a create request, it comes next again.
    pub(super) fn reopened(&self) -> Transition {
        if self.task.create.is_none() {
            return self.go(State::Identified, "more is known by now: it is looked up again");
        }
        let wait_reason =
            Some(open_create(self.task, "lookups may find the task by now; next lookup"));
        let task = Task { wait_reason, ..self.fresh(State::Creating) };
        self.write(task, "more is known by now: it is looked up again")
    }

    pub(super) fn resolved_as_unsent(&self, is_sure: bool) -> Transition {
        let decision = if is_sure { Resend::Sure } else { Resend::Checked };
        let task = Task { create: None, resend: Some(decision), ..self.fresh(State::Identified) };
        self.write(task, person::RESOLVED_AS_UNSENT)
    }

    pub(super) fn settled(&self, absent_ms: i64) -> bool {
        absent_ms >= self.policy.create_settle_ms
    }

    pub(super) fn was_sent_before(&self) -> bool {
        self.task.create.as_ref().is_some_and(CreateAttempt::was_sent_before)
    }

    fn changed(&self, change: impl FnOnce(&mut CreateAttempt)) -> Task {
        let mut task = self.fresh(State::Creating);
        if let Some(create) = &mut task.create {
            change(create);
        }
        task
    }

    /// Nothing of its create request is left at Kling.
    fn uncreated(&self, ended: Transition) -> Transition {
        Transition { task: Task { create: None, ..ended.task }, ..ended }
    }
}

/// How the `waits` of a task begins whose create request may be sent again.
pub const RESEND: &str = "its create request to be sent again under the same name";

/// What a task with an open create request waits for: since when, how often it was sent, what the last send
/// failed at, and what happens next.
fn open_create(task: &Task, next: &str) -> String {
    let sent = task.create.as_ref().map(sent).unwrap_or_default();
    format!("checking whether Kling accepted the create request ({sent}); {next}")
}

fn sent(create: &CreateAttempt) -> String {
    let at = |at_ms| {
        let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let last = at(create.sent_at_ms);
    let sent = match create.sends {
        1 => format!("sent once, at {last}"),
        sends => {
            format!("sent {sends} times, first at {}, last at {last}", at(create.first_sent_at_ms))
        }
    };
    let failure = create.failure.as_ref().map(|failure| failure.message.as_str());
    format!("{sent}: {}", failure.unwrap_or("no answer is on record"))
}
