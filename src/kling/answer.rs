//! What the API's answers say, in this program's units: milliseconds and millionths of a unit.

/// What Identify Face found in a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Names the identified video in a create request; third parties say that it is valid for 24 h.
    pub session_id: String,
    /// What it cost, in millionths of a unit.
    pub units_micro: Option<i64>,
    /// The faces, in the API's order; may be empty.
    pub faces: Vec<Face>,
}

/// One face of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// Its name within the session.
    pub face_id: String,
    /// A picture of it.
    pub image_url: Option<String>,
    /// When it appears in the video.
    pub start_ms: i64,
    /// When it was last seen.
    pub end_ms: i64,
}

/// A task that was accepted, and is therefore paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The API's name for it.
    pub task_id: String,
    /// Our name for it, as returned.
    pub external_task_id: Option<String>,
    /// Usually [`TaskStatus::Submitted`].
    pub status: TaskStatus,
    /// Unix time.
    pub created_at_ms: Option<i64>,
    /// Unix time.
    pub updated_at_ms: Option<i64>,
}

/// A task as a query shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteTask {
    /// The API's name for it.
    pub task_id: String,
    /// Our name for it; queries usually leave it out.
    pub external_task_id: Option<String>,
    /// Its status.
    pub status: TaskStatus,
    /// Why it failed.
    pub status_message: Option<String>,
    /// The video it was made from.
    pub parent_video: Option<ParentVideo>,
    /// What it made; empty until it succeeded.
    pub videos: Vec<ResultVideo>,
    /// Whether a watermarked result was asked for.
    pub watermark_enabled: Option<bool>,
    /// What it cost, in millionths of a unit.
    pub units_micro: Option<i64>,
    /// Unix time.
    pub created_at_ms: Option<i64>,
    /// Unix time.
    pub updated_at_ms: Option<i64>,
}

/// The status of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskStatus {
    /// Accepted, not started.
    Submitted,
    /// Being worked on.
    Processing,
    /// Done; there should be a result.
    Succeed,
    /// Ended without a result.
    Failed,
    /// A status that the API does not document, or an empty one; it may still change.
    Other(String),
}

impl TaskStatus {
    /// Reads the API's name of a status.
    pub(super) fn spelled(name: Option<String>) -> Self {
        match name.as_deref() {
            Some("submitted") => Self::Submitted,
            Some("processing") => Self::Processing,
            Some("succeed") => Self::Succeed,
            Some("failed") => Self::Failed,
            other => Self::Other(other.unwrap_or_default().to_owned()),
        }
    }
}

/// The video a task was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParentVideo {
    /// Kling's id for it.
    pub id: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// Its length.
    pub duration_ms: Option<i64>,
}

/// One video that a task made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResultVideo {
    /// Kling's id for it.
    pub id: Option<String>,
    /// Where it can be fetched, for 30 days.
    pub url: Option<String>,
    /// Where the watermarked one can be fetched.
    pub watermark_url: Option<String>,
    /// Its length.
    pub duration_ms: Option<i64>,
}

/// One resource pack of the account. Quantities are millionths of a unit, and lag by up to 12 h.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourcePack {
    /// As sold.
    pub name: Option<String>,
    /// The API's id for it.
    pub id: Option<String>,
    /// Such as `decreasing_total`.
    pub kind: Option<String>,
    /// Units when it was bought.
    pub total_micro: Option<i64>,
    /// Units that remain.
    pub remaining_micro: Option<i64>,
    /// Unix time.
    pub purchased_at_ms: Option<i64>,
    /// Unix time from which it is valid.
    pub effective_at_ms: Option<i64>,
    /// Unix time from which it is no longer valid.
    pub invalid_at_ms: Option<i64>,
    /// Such as `online`, `expired`, `runOut`.
    pub status: Option<String>,
}
