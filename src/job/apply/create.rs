//! The paid step's outcomes: written down, accepted, lost, looked up.

use super::Step;
use crate::job::{
    Create, Spend, State, Task, Transition,
    outcome::{Fault, Trouble},
    retry::delay_ms,
};

/// So many young sessions may get lost under one attempt before it fails.
const SESSIONS_LOST_MAX: u32 = 3;

/// A session that is older may have run out; how long one holds, the API's page does not say.
const SESSION_YOUNG_MS: i64 = 5 * 60 * 1000;

impl Step<'_> {
    /// Written down to be sent: for the first time, or once more after the video had to be identified
    /// or the media measured anew. The first time stays known: nothing older can be its task.
    pub(super) fn intend(&self, account: String) -> Transition {
        let now_ms = self.moment.now_ms;
        let before = self.task.create.as_ref();
        let create = Some(Create {
            account,
            first_sent_at_ms: before.map_or(now_ms, |create| create.first_sent_at_ms),
            sent_at_ms: now_ms,
            sends: before.map_or(0, |create| create.sends).saturating_add(1),
        });
        let what = format!("create written down as {}", self.task.external_task_id());
        // What it failed at before is kept: a create that never leaves the machine must come to an
        // end, and its delays must grow.
        let (tries, failing_since_ms) = (self.task.tries, self.task.failing_since_ms);
        let task = Task { create, tries, failing_since_ms, ..self.fresh(State::Creating) };
        self.write(task, what)
    }

    pub(super) fn intend_again(&self) -> Transition {
        let mut task = self.fresh(State::Creating);
        if let Some(create) = &mut task.create {
            create.sent_at_ms = self.moment.now_ms;
            create.sends = create.sends.saturating_add(1);
        }
        let what = format!(
            "the API knows no such task: the same create written down again as {}",
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
            return self.fail(Fault { code: "session_gone".to_owned(), message: why });
        }
        let create = self.task.create.clone().filter(Create::was_sent_before);
        let queued = self.go(State::Queued, &why);
        let task = Task { session: None, plan: None, create, sessions_lost, ..queued.task };
        Transition { task, ..queued }
    }

    /// A refusal of the create request is written only once no earlier send of it can exist: nothing of it is
    /// left at Kling.
    pub(super) fn refused_create(&self, fault: Fault) -> Transition {
        let failed = self.fail(fault);
        Transition { task: Task { create: None, ..failed.task }, ..failed }
    }

    pub(super) fn not_sent(&self, why: String) -> Transition {
        let trouble = Trouble { code: "transport".to_owned(), message: why, retry_after_ms: None };
        if self.was_sent_before() {
            return self.lookup_failed(trouble);
        }
        let back = Task { state: State::Identified, create: None, ..self.task.clone() };
        let retried = Step { task: &back, ..*self }.try_again_later(trouble);
        Transition { from: self.task.state, ..retried }
    }

    pub(super) fn lost(&self, why: &str) -> Transition {
        let waits = format!("a lookup of its create, whose answer was lost: {why}");
        let task = Task { waits: Some(waits), ..self.fresh(State::Creating) };
        self.write(task, format!("the answer to its create was lost: {why}"))
    }

    /// A lookup found nothing. Once that has been so for the settle time, the same create may be
    /// sent again.
    pub(super) fn absent(&self, absent_ms: i64) -> Transition {
        let mut task = self.fresh(State::Creating);
        task.tries = self.task.tries.saturating_add(1);
        if self.settled(absent_ms) {
            task.waits = Some("its create to be sent again under the same id".to_owned());
            return self.write(task, "the API knows no such task: it may be sent again");
        }
        let left_ms = self.policy.create_settle_ms.saturating_sub(absent_ms).max(1);
        let delay_ms = delay_ms(self.policy, task.tries, 1.0).min(left_ms);
        task.due_at_ms = self.moment.now_ms.saturating_add(delay_ms);
        task.waits = Some(
            "a last lookup of its create, which the API does not know: then it is sent again"
                .to_owned(),
        );
        self.write(task, "lookup: the API does not know the task yet")
    }

    pub(super) fn settled(&self, absent_ms: i64) -> bool {
        absent_ms >= self.policy.create_settle_ms
    }

    pub(super) fn was_sent_before(&self) -> bool {
        self.task.create.as_ref().is_some_and(Create::was_sent_before)
    }

    pub(super) fn lookup_failed(&self, trouble: Trouble) -> Transition {
        let since_ms = self.task.failing_since_ms.unwrap_or(self.moment.now_ms);
        let mut later = self.delayed(&trouble, since_ms);
        later.task.waits =
            Some(format!("a lookup of its create, whose answer was lost: {}", trouble.message));
        later
    }
}
