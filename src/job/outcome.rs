//! What can happen to a task: results of steps, changes in the folder, decisions of people.
//!
//! The pipeline, the store and the commands report outcomes; [`apply`](super::apply()) decides what they mean.

pub use super::failure::{PermanentError, TransientError};
use super::{Charge, Cost, CreateAnswer, FaceSpan, Observation, ResultFile, Session};

/// What happened to a task.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Outcome {
    Due,
    /// A remote audio file was downloaded and measured.
    AudioMeasured {
        length_ms: i64,
    },
    /// The video has a session, from a call for this task or for another task of the same video. The call cost
    /// `cost`; none if another task made the call, or the API did not report it.
    Identified {
        session: Session,
        faces: Vec<FaceSpan>,
        cost: Option<Cost>,
    },
    /// The session cannot be used any more, with the reason.
    SessionGone(String),
    /// The create request of a task is about to be sent for the first time.
    CreateIntended {
        host: String,
        account: String,
    },
    /// The same create request is about to be sent again.
    ResendIntended {
        account: String,
        absent_ms: i64,
    },
    Accepted {
        task_id: String,
    },
    /// The create request never left the machine, with the reason.
    NotSent(String),
    /// A call was refused because of the account, not the task: slots, rate limit, pause.
    Deferred(String),
    /// The create request got no answer, or an answer that leaves open what Kling did; with the reason.
    Lost(String),
    /// Kling refused the create request, but the task may exist: an earlier send may have been accepted, or the
    /// name exists. The refusal counts once lookups find no task of the name.
    CreateRefused {
        answer: CreateAnswer,
        error: PermanentError,
    },
    /// The complete result of the task is on disk, as its metadata show: the database was lost or restored.
    ResultOnDisk {
        task_id: String,
    },
    /// The task was found at Kling, by its name or in the list.
    Found {
        task_id: String,
    },
    /// Lookups by name and the list show that no task of the name exists, since `absent_ms` by the monotonic clock of
    /// this process: counted from the first lookup that found nothing since the create request was last sent.
    Absent {
        absent_ms: i64,
    },
    /// No query can show whether the task exists.
    Undecided {
        why: String,
        absent_ms: i64,
    },
    /// A task has the name, but nothing proves that it is this task; with the reason.
    Conflict(String),
    /// New information came after the task became unresolved: it is looked up again.
    Reopened,
    Processing,
    /// Kling does not show the task that it accepted; with the API's message.
    TaskNotFound(String),
    /// The status that the API reports makes no sense; with the reason.
    TaskStatusUnknown(String),
    TaskReappeared,
    /// Without a charge, the API did not report the cost.
    TaskSucceeded {
        charge: Option<Charge>,
    },
    TaskFailed {
        message: String,
        charge: Option<Charge>,
    },
    Delivered(ResultFile),
    /// The current step failed, and the error may pass.
    TransientError(TransientError),
    /// The output file of the lead job cannot be written: the disk is full, the folder is gone or read-only. The
    /// task does not fail: it waits until the folder is writable.
    OutputBlocked(TransientError),
    /// The current step failed, and a retry will not help.
    Refused(PermanentError),
    /// No job asks for the task any more, and Kling does not have it.
    Abandoned,
    /// Its jobs ask for a later start than before: their earliest `not_before` (Unix ms).
    Postponed {
        until_ms: i64,
    },
    /// A job asks for the task again after it was cancelled, or failed before Kling accepted it. Sessions identified
    /// before `sessions_after_ms` (Unix time) are not used.
    Revived {
        sessions_after_ms: i64,
    },
    /// Kling shows an accepted task again that had failed because Kling did not show it.
    FollowedAgain,
    /// A person named the task at Kling.
    ResolvedAs {
        task_id: String,
    },
    /// A person decided that Kling has no task, and that the create request may be sent again; `is_sure`: even if Kling
    /// shows a task that may be this one.
    ResolvedAsUnsent {
        is_sure: bool,
    },
}

/// What a transition adds to the spending of a UTC day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spend {
    /// Charged for Identify Face.
    pub identify: Cost,
    /// Charged for the task.
    pub task: Cost,
    /// Tasks accepted.
    pub tasks: i64,
    /// A moment (Unix ms) of the day to which it belongs; none: the day on which it is recorded.
    pub at_ms: Option<i64>,
    /// What the charge shows about prices.
    pub observed: Option<Observation>,
}
