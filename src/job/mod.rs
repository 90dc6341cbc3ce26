//! The pure core: what a task is, what to do with it next, what an outcome makes of it.
//!
//! A [`Task`] is what is paid: one request and one take. A [`Job`] is what the folder asks for; it points
//! to a task, shows its state, and owns its output file. A task moves only so: [`decide()`] names the
//! [`Action`], the pipeline performs it and gets an [`Outcome`], [`apply()`] makes the [`Transition`], the
//! store writes it. Nothing here does IO, reads a clock or draws a random number: time and chance come in
//! as arguments. It imports nothing of the other modules.

mod account;
pub mod apply;
pub mod decide;
mod delivery;
pub mod outcome;
mod person;
mod presigned;
pub mod retry;
pub mod spec;
pub mod state;
mod task;
pub mod timing;

#[cfg(test)]
pub(crate) mod tests;

pub use account::Account;
pub use apply::{IllegalTransition, RESEND, SLOT_KEPT_MS, Transition, apply};
pub use decide::{Action, decide};
pub use delivery::{Delivery, DeliveryOutcome, deliver};
pub use outcome::{Outcome, Spend};
pub use person::{CANCELLED, FETCH, RETRY, is_by_a_person, retried_take};
pub use presigned::without_signature;
pub use retry::{Moment, Policy};
pub use spec::{FaceChoice, JobSpec, Source};
pub use state::State;
pub use task::{
    CreateAnswer, CreateAttempt, Failure, Media, Resend, ResultFile, Session, TAKE_MAX, Task,
};
pub use timing::{FaceSpan, Plan};

/// The row number of a job in the state database; stable for the job's life.
pub type JobId = i64;

/// The row number of a task in the state database; stable for ever.
pub type TaskId = i64;

/// The [`Failure::code`] of a job that left the folder before its task was created.
pub const REMOVED: &str = "removed";

/// Why such a job is cancelled.
pub const LEFT_UNCREATED: &str = "it left the folder before its task was created";

/// How the `waits` of a task or job begins whose output file cannot be written.
pub const BLOCKED: &str = "its place in the output folder, which cannot be written";

/// One job as the database holds it: what the folder asks, and the file it has.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its row.
    pub id: JobId,
    /// Counts the writes of its row, so that nobody overwrites what they have not read.
    pub revision: i64,
    /// That of its task, until its own file is there.
    pub state: State,
    /// What its manifest asks now; `output` is where the next result goes.
    pub spec: JobSpec,
    /// Digest of all its keys.
    pub spec_hash: String,
    /// Digest of what decides its result; none while its media were not read.
    pub request_hash: Option<String>,
    /// What is known of its media.
    pub media: Media,
    /// The task it points to; none: it waits for its media, or was cancelled.
    pub task: Option<TaskId>,
    /// The take that a retry asked for. It goes before what the manifest asks until that changes.
    pub retry_take: Option<u32>,
    /// What it had before a retry or an edit that was not created yet.
    pub earlier_task: Option<TaskId>,
    /// Its manifest asks for something else since its task was created.
    pub changed_after_sent: bool,
    /// A person took it out of the counts.
    pub dismissed: bool,
    /// The first scan (Unix ms) that missed it.
    pub absent_since_ms: Option<i64>,
    /// Since when (Unix ms) it counts as gone from the folder.
    pub orphaned_at_ms: Option<i64>,
    /// Where its file is; without a file, where it goes.
    pub output: String,
    /// The delivery of its own file, while its task has succeeded and the file is not there.
    pub delivery: Delivery,
    /// The file that was delivered: its SHA-256 and size.
    pub delivered: Option<(String, u64)>,
    /// Why it failed or was cancelled, where that is not its task's failure.
    pub failure: Option<Failure>,
}

impl Job {
    /// The folder of its manifest under `jobs_dir`, parts joined by `/`; empty for `jobs_dir` itself.
    #[must_use]
    pub fn manifest_dir(&self) -> &str {
        let parent = |path: &'_ str| path.rfind('/').map_or(0, |end| end);
        let key = self.spec.key.as_str();
        let stem = if self.spec.id.is_some() { &key[..parent(key)] } else { key };
        &stem[..parent(stem)]
    }

    /// It is absent, and Kling has no task of it: it waits for its return, or is cancelled if it has left. Returns
    /// the sentence for the history.
    pub fn leave_uncreated(&mut self) -> &'static str {
        self.task = None;
        if self.orphaned_at_ms.is_none() {
            self.state = State::Waiting;
            self.media.wait_reason = Some("its return to the folder".to_owned());
            return "it is absent from the folder, and Kling has no task of it";
        }
        self.cancel_removed(LEFT_UNCREATED);
        LEFT_UNCREATED
    }

    /// Cancels it because it left the folder; `message` says so.
    pub fn cancel_removed(&mut self, message: &str) {
        self.state = State::Cancelled;
        self.media.wait_reason = None;
        self.failure = Some(Failure { code: REMOVED.to_owned(), message: message.to_owned() });
    }

    /// Whether it was cancelled because it left the folder, and not by a person.
    #[must_use]
    pub fn was_removed(&self) -> bool {
        let removed = |failure: &Failure| failure.code == REMOVED;
        self.state == State::Cancelled && self.failure.as_ref().is_some_and(removed)
    }
}
