//! The reply to a call: the result or the error, and facts about the answer.

use super::error::ApiError;

/// The reply to one call.
#[derive(Debug)]
pub struct Reply<T> {
    /// Facts about the answer; without an answer, only the time.
    pub answer: ApiAnswer,
    /// The result, or the error.
    pub result: Result<T, ApiError>,
}

/// Facts about an HTTP answer, for the history and for support.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiAnswer {
    /// None without an answer.
    pub http_status: Option<u16>,
    /// The API's code, 0 for success.
    pub code: Option<i64>,
    /// The API's message, cleaned and bounded.
    pub message: Option<String>,
    /// The API's name for the request.
    pub request_id: Option<String>,
    /// From the call to the last byte read of the answer.
    pub took_ms: u32,
    /// The server's clock, from its Date header (whole seconds).
    pub server_at_ms: Option<i64>,
}

impl<T> Reply<T> {
    /// A call without an answer.
    pub(super) fn failed(error: ApiError) -> Self {
        Self { answer: ApiAnswer::default(), result: Err(error) }
    }

    /// Reads the result further.
    pub(super) fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, ApiError>) -> Reply<U> {
        Reply { answer: self.answer, result: self.result.and_then(read) }
    }
}
