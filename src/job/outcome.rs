//! What can result from an action, from the folder, or from a person's decision.
//!
//! Owns the vocabulary between the pipeline, the inbox and the commands on one side and
//! [`apply`](super::apply()) on the other; decides nothing.

use super::{CreateAnswer, FaceSpan, ResultFile, Session};

/// What happened to a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// `not_before` has come.
    Due,
    /// A remote audio was fetched and measured.
    AudioMeasured {
        /// Its length.
        length_ms: i64,
    },
    /// A session is there, from a call for this task or for another of the same video.
    Identified {
        /// The session.
        session: Session,
        /// The faces in it.
        faces: Vec<FaceSpan>,
        /// What the call cost this task; 0 when the answer is shared.
        units_micro: i64,
    },
    /// The session cannot be used any more.
    SessionGone(String),
    /// The create request of a task is about to be sent for the first time.
    CreateIntended {
        /// To which host.
        host: String,
        /// With which key.
        account: String,
    },
    /// The same create request is about to be sent again.
    ResendIntended {
        /// With which key, of the same account.
        account: String,
        /// For how long lookups have found no task; see [`Outcome::Absent`].
        absent_ms: i64,
    },
    /// Kling accepted the create request.
    Accepted {
        /// The task.
        task_id: String,
    },
    /// The create request provably never left the machine.
    NotSent(String),
    /// A call was refused because of the account, not the task: slots, rate, a pause.
    Deferred(String),
    /// The answer to the create request did not arrive, or leaves open what Kling did; in words.
    Lost(String),
    /// Kling refused the create request, and the task may exist all the same: an earlier send was accepted, the
    /// name exists, or a task of the name is to be ruled out before the refusal counts.
    CreateRefused {
        /// What kind of refusal it is.
        answer: CreateAnswer,
        /// The refusal.
        fault: PermanentError,
    },
    /// The complete result of the task is on disk, as its metadata say: the database was lost or put back.
    ResultOnDisk {
        /// The task.
        task_id: String,
    },
    /// The task was found at Kling, by its name or by the list.
    Found {
        /// The task.
        task_id: String,
    },
    /// Lookups by name and the list show that no task of the name exists.
    Absent {
        /// For how long, by the monotonic clock and in this process: counted from the first lookup that
        /// found nothing since the create request was last sent.
        absent_ms: i64,
    },
    /// Nothing that can be asked shows whether the task exists; in words.
    Undecided {
        /// Why.
        why: String,
        /// As in [`Outcome::Absent`].
        absent_ms: i64,
    },
    /// A task has the name and cannot be proved to be this one; in words.
    Conflict(String),
    /// More is known than when the task became unresolved: it is looked up again.
    Reopened,
    /// The task is being worked on.
    Processing,
    /// The API does not know the task that it accepted; in its words.
    TaskNotFound(String),
    /// What the API says of the task makes no sense; in words.
    TaskStatusUnknown(String),
    /// The API shows the task again.
    TaskReappeared,
    /// The task succeeded.
    TaskSucceeded {
        /// What it cost; none: the API does not tell.
        units_micro: Option<i64>,
    },
    /// The task failed.
    TaskFailed {
        /// The API's words.
        message: String,
        /// What it cost all the same; none: the API does not tell.
        units_micro: Option<i64>,
    },
    /// The result is on disk, whole and verified.
    Delivered(ResultFile),
    /// A passing failure of the step the task stands at.
    TransientError(TransientError),
    /// The lead job's place in the output folder cannot be written: the disk is full, the folder is gone or
    /// read-only. It is nobody's failure, and passes by itself or by a person's hand.
    OutputBlocked(TransientError),
    /// A refusal that repeating will not change.
    Refused(PermanentError),
    /// The last job that asked for it is gone, and nothing was sent.
    Abandoned,
    /// Its jobs ask for it later than before.
    Postponed {
        /// The earliest `not_before` of its jobs (Unix ms).
        until_ms: i64,
    },
    /// A job asks for it again after it was cancelled, or failed before Kling accepted it.
    Revived {
        /// Sessions identified before this (Unix ms) are not used.
        sessions_after_ms: i64,
    },
    /// Kling shows the accepted task of a failed one again.
    FollowedAgain,
    /// A person says which task it is.
    ResolvedAs {
        /// The task.
        task_id: String,
    },
    /// A person says that there is no task, and that it may be sent again.
    ResolvedAsUnsent {
        /// Even if Kling shows a task that could be it.
        is_sure: bool,
    },
}

/// A definite failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermanentError {
    /// A stable word or the API's number.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// A passing failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransientError {
    /// A stable word or the API's number.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// When the other side asked to be left alone for a while.
    pub retry_after_ms: Option<i64>,
}

/// What a transition adds to the day's account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spend {
    /// Deducted for Identify Face, in millionths of a unit.
    pub identify_micro: i64,
    /// Deducted for the task, in millionths of a unit.
    pub task_micro: i64,
    /// Tasks accepted.
    pub tasks: i64,
}
