//! What an action does to one job, or why not.

use std::sync::Arc;

use crate::{
    job::State,
    redact::shell_word,
    store::{Command, JobState, Select},
};

/// Why a job is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotChanged {
    /// The job is already as wanted: the text to show.
    AlreadyDone(String),
    /// The action refuses the job.
    Refused {
        /// Why.
        why: String,
        /// What to do instead, if there is something.
        hint: Option<String>,
    },
    /// The job no longer matches the selection: nothing to show.
    NotSelected,
}

/// What an action does to a job, or why not.
pub type Decision = Result<Command, NotChanged>;

/// Refuses a job: why, and what to do.
pub fn refused(why: impl Into<String>, hint: Option<String>) -> Decision {
    Err(NotChanged::Refused { why: why.into(), hint })
}

/// Returns the command line that does something to one job.
pub fn command_for(verb: &str, key: &str) -> String {
    format!("lipsyncd {verb} {}", shell_word(key))
}

/// What an action on one job pays, or, for a cancellation, does not pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payment {
    /// Nothing.
    Nothing,
    /// The task of this request hash and take.
    Task(String, u32),
    /// One task. Its media were not read, so that it is unknown which.
    Unread,
}

type Decide = Arc<dyn Fn(&JobState) -> Decision + Send + Sync>;
type Describe = Arc<dyn Fn(&JobState) -> String + Send + Sync>;

/// An action on jobs. It decides about a job inside the transaction that changes it, so that it never acts on a state
/// that another process, usually the daemon, has replaced.
#[derive(Clone)]
pub struct JobAction {
    decide: Decide,
    describe: Describe,
    payment: fn(&JobState) -> Payment,
}

impl JobAction {
    /// Creates an action that pays nothing. `describe` says what was done, from the job after it.
    pub fn new(
        decide: impl Fn(&JobState) -> Decision + Send + Sync + 'static,
        describe: impl Fn(&JobState) -> String + Send + Sync + 'static,
    ) -> Self {
        let (decide, describe) = (Arc::new(decide), Arc::new(describe));
        Self { decide, describe, payment: |_| Payment::Nothing }
    }

    /// Says what the action pays for a job, or does not pay any more.
    #[must_use]
    pub fn paying_for(self, payment: fn(&JobState) -> Payment) -> Self {
        Self { payment, ..self }
    }

    /// Leaves out jobs that do not match the states of `select` any more at the moment of writing.
    #[must_use]
    pub fn only_while_selected(self, select: &Select) -> Self {
        let (states, dismissed) = (select.states.clone(), select.dismissed);
        self.checked(move |state, decide| {
            let has_state = |states: &[State]| states.contains(&state.job.state);
            let is_selected = (states.is_empty() || has_state(&states))
                && dismissed.is_none_or(|dismissed| dismissed == state.job.dismissed);
            if is_selected { decide(state) } else { Err(NotChanged::NotSelected) }
        })
    }

    /// Lets `check` decide, which can ask the decision of this action.
    pub(super) fn checked(
        self,
        check: impl Fn(&JobState, &dyn Fn(&JobState) -> Decision) -> Decision + Send + Sync + 'static,
    ) -> Self {
        let before = self.decide;
        let decide = Arc::new(move |state: &JobState| check(state, &*before));
        Self { decide, ..self }
    }

    pub(super) fn decide(&self, state: &JobState) -> Decision {
        (self.decide)(state)
    }

    pub(super) fn describe(&self, state: &JobState) -> String {
        (self.describe)(state)
    }

    pub(super) fn payment(&self, state: &JobState) -> Payment {
        (self.payment)(state)
    }
}
