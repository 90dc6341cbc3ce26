//! The paid step's outcomes: written down, accepted, lost, looked up.

use super::Step;
use crate::job::{
    Create, Job, Spend, State, Transition,
    outcome::{Fault, Trouble},
    retry::delay_ms,
};

/// So many sessions may get lost under one attempt before it fails.
const SESSIONS_LOST_MAX: u32 = 3;

impl Step<'_> {
    pub(super) fn intend(&self, account: String, sound_sha256: Option<String>) -> Transition {
        let now_ms = self.moment.now_ms;
        let create = Some(Create {
            account,
            first_sent_at_ms: now_ms,
            sent_at_ms: now_ms,
            sound_sha256,
            absent_since_ms: None,
            settled: false,
        });
        let what = format!("create written down as {}", self.job.external_task_id());
        // What it failed at before is kept: a create that never leaves the machine must come to an
        // end, and its delays must grow.
        let (tries, failing_since_ms) = (self.job.tries, self.job.failing_since_ms);
        let job = Job { create, tries, failing_since_ms, ..self.fresh(State::Creating) };
        self.write(job, what)
    }

    pub(super) fn intend_again(&self) -> Transition {
        let mut job = self.fresh(State::Creating);
        if let Some(create) = &mut job.create {
            create.sent_at_ms = self.moment.now_ms;
            create.absent_since_ms = None;
            create.settled = false;
        }
        let what = format!("the same create written down again as {}", job.external_task_id());
        self.write(job, what)
    }

    pub(super) fn accepted(&self, task_id: String, how: &str) -> Transition {
        let what = format!("{how} {task_id}");
        let job = Job { task_id: Some(task_id), ..self.fresh(State::Submitted) };
        Transition { spend: Spend { tasks: 1, ..Spend::default() }, ..self.write(job, what) }
    }

    /// The video is identified again; an API that loses one session after the other must not be
    /// paid for identifying for ever.
    pub(super) fn session_gone(&self, why: String) -> Transition {
        let sessions_lost = self.job.sessions_lost.saturating_add(1);
        if sessions_lost >= SESSIONS_LOST_MAX {
            return self.fail(Fault { code: "session_gone".to_owned(), message: why });
        }
        let queued = self.back_to(State::Queued, why);
        let job = Job { session: None, plan: None, sessions_lost, ..queued.job };
        Transition { job, ..queued }
    }

    pub(super) fn not_sent(&self, why: String) -> Transition {
        let trouble = Trouble { code: "transport".to_owned(), message: why, retry_after_ms: None };
        let back = Job { state: State::Identified, create: None, ..self.job.clone() };
        let retried = Step { job: &back, ..*self }.try_again_later(trouble);
        Transition { from: self.job.state, ..retried }
    }

    pub(super) fn lost(&self, why: &str) -> Transition {
        let mut job = self.fresh(State::Creating);
        // Absence counts from the last send on.
        if let Some(create) = &mut job.create {
            create.absent_since_ms = None;
            create.settled = false;
        }
        job.waits = Some(format!("a lookup of its create, whose answer was lost: {why}"));
        self.write(job, format!("the answer to its create was lost: {why}"))
    }

    /// A lookup found nothing. The first time starts the settle time; once it has passed, the same
    /// create may be sent again.
    pub(super) fn absent(&self) -> Transition {
        let now_ms = self.moment.now_ms;
        let mut job = self.fresh(State::Creating);
        job.tries = self.job.tries.saturating_add(1);
        let Some(create) = &mut job.create else {
            return self.fail(Fault {
                code: "internal".to_owned(),
                message: "the record of its create is missing".to_owned(),
            });
        };
        // A clock that was set back must not keep the job waiting for a day.
        let since_ms = create.absent_since_ms.filter(|since_ms| *since_ms <= now_ms);
        let settles_at_ms = since_ms.unwrap_or(now_ms).saturating_add(self.policy.create_settle_ms);
        create.absent_since_ms = Some(since_ms.unwrap_or(now_ms));
        create.settled = since_ms.is_some() && now_ms >= settles_at_ms;
        if create.settled {
            job.waits = Some("its create to be sent again under the same id".to_owned());
            return self.write(job, "the API knows no such task: it may be sent again");
        }
        let delay_ms = delay_ms(self.policy, job.tries, 1.0);
        job.due_at_ms =
            now_ms.saturating_add(delay_ms).min(settles_at_ms.max(now_ms.saturating_add(1)));
        job.waits = Some(
            "a last lookup of its create, which the API does not know: then it is sent again"
                .to_owned(),
        );
        self.write(job, "lookup: the API does not know the task yet")
    }

    pub(super) fn lookup_failed(&self, trouble: Trouble) -> Transition {
        let since_ms = self.job.failing_since_ms.unwrap_or(self.moment.now_ms);
        let mut later = self.delayed(&trouble, since_ms);
        later.job.waits =
            Some(format!("a lookup of its create, whose answer was lost: {}", trouble.message));
        later
    }
}
