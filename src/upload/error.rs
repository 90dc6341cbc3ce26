//! Why a video was not uploaded.

/// Why a video was not uploaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The bucket refuses the key, does not exist, or is full: no video can be uploaded until a person has fixed this.
    #[error("{0}")]
    Refused(String),
    /// This upload failed, and a later one may succeed.
    #[error("{message}")]
    Failed {
        /// What happened.
        message: String,
        /// How long the bucket asks to wait.
        retry_after_ms: Option<i64>,
    },
    /// The file has other content than was measured.
    #[error("{0}")]
    Changed(String),
}

impl UploadError {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), retry_after_ms: None }
    }
}
