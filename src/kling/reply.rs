//! What a call brings back: the result or the error, and what is worth keeping of the answer itself.

use super::error::ApiError;

/// One call's outcome.
#[derive(Debug)]
pub struct Reply<T> {
    /// What is known of the answer; empty but for the time where none came.
    pub answer: ApiAnswer,
    /// What it says.
    pub result: Result<T, ApiError>,
}

/// What is known of an HTTP answer, for the history and for support.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiAnswer {
    /// None: no answer came.
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
    /// The same answer with its result read further.
    pub(super) fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, ApiError>) -> Reply<U> {
        Reply { answer: self.answer, result: self.result.and_then(read) }
    }
}
