//! Errors as they are stored and as steps report them.

/// Why a task or job ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A stable word or the API's number.
    pub code: String,
    /// One sentence.
    pub message: String,
}

impl From<PermanentError> for Failure {
    fn from(PermanentError { code, message }: PermanentError) -> Self {
        Self { code, message }
    }
}

/// An error that a retry will not fix.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PermanentError {
    pub code: String,
    pub message: String,
}

/// An error that may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TransientError {
    pub code: String,
    pub message: String,
    /// How long the server asked to wait.
    pub retry_after_ms: Option<i64>,
}
