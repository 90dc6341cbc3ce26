//! A job: one entry of a manifest, and the file that it gets.

use super::{Delivery, Failure, JobId, JobSpec, Media, State, TaskId};

/// The [`Failure::code`] of a job that left the folder before its task was created.
pub const REMOVED: &str = "removed";

/// Why such a job is cancelled.
pub const LEFT_UNCREATED: &str = "it left the folder before its task was created";

/// One job as the database holds it: what its manifest asks for, and the file that it has.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Job {
    pub id: JobId,
    /// Counts the writes of its row, so that no writer overwrites a change that it has not read.
    pub revision: i64,
    /// The state of its task, until its own file is delivered.
    pub state: State,
    /// What its manifest asks for now; `output` is where the next result goes.
    pub spec: JobSpec,
    pub spec_hash: String,
    /// Digest of everything that decides its result; none while its media were not read.
    pub request_hash: Option<String>,
    pub media: Media,
    /// The task that it points to; none: it waits for its media, has failed, or was cancelled.
    pub task: Option<TaskId>,
    /// The take that a retry asked for. It takes precedence until the manifest asks for something else.
    pub retry_take: Option<u32>,
    /// Its task before a retry or an edit whose task was not created yet.
    pub earlier_task: Option<TaskId>,
    pub changed_after_sent: bool,
    pub dismissed: bool,
    /// The time (Unix ms) of the first scan that missed it.
    pub absent_since_ms: Option<i64>,
    /// When (Unix ms) it was orphaned: from then on it counts as removed from the folder.
    pub orphaned_at_ms: Option<i64>,
    pub output: String,
    /// The delivery of its own file, from the success of its task until the file is delivered.
    pub delivery: Delivery,
    pub delivered: Option<(String, u64)>,
    /// Why it failed or was cancelled, unless that is the failure of its task.
    pub failure: Option<Failure>,
}

impl Job {
    /// Returns the folder of its manifest under `jobs_dir`, parts joined by `/`; empty for `jobs_dir` itself.
    pub fn manifest_dir(&self) -> &str {
        let parent = |path: &'_ str| path.rfind('/').map_or(0, |end| end);
        let key = self.spec.key.as_str();
        let stem = if self.spec.id.is_some() { &key[..parent(key)] } else { key };
        &stem[..parent(stem)]
    }

    /// Takes its task away because it is missing from the folder and Kling has no task for it. It waits to return,
    /// or is cancelled if it is orphaned. Returns the sentence for the history.
    pub fn leave_uncreated(&mut self) -> &'static str {
        self.task = None;
        if self.orphaned_at_ms.is_none() {
            self.state = State::Waiting;
            self.media.wait_reason = Some("missing from the folder".to_owned());
            return "missing from the folder, and Kling has no task for it";
        }
        self.cancel_removed(LEFT_UNCREATED);
        LEFT_UNCREATED
    }

    /// Cancels it because it was removed from the folder.
    pub fn cancel_removed(&mut self, message: &str) {
        self.state = State::Cancelled;
        self.media.wait_reason = None;
        self.failure = Some(Failure { code: REMOVED.to_owned(), message: message.to_owned() });
    }

    /// Whether it was cancelled because it was removed from the folder, and not by a person.
    pub fn was_removed(&self) -> bool {
        let removed = |failure: &Failure| failure.code == REMOVED;
        self.state == State::Cancelled && self.failure.as_ref().is_some_and(removed)
    }
}
