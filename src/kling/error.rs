//! The error of a call: its class, and one sentence for people.

use super::error_class::ErrorClass;

/// A shorter request id is not removed from messages: it could be part of a common word.
const REQUEST_ID_BYTES_MIN: usize = 8;

/// Why a call has no result. Its text is one sentence, bounded, without secrets and control
/// characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What it means for the caller.
    pub class: ErrorClass,
    /// The API's code, if the answer is the API's.
    pub code: Option<i64>,
    /// One sentence for people, without a period.
    pub message: String,
    /// The API's name for the request; support asks for it.
    pub request_id: Option<String>,
    /// How long the server asks to wait before the next request; not negative.
    pub retry_after_ms: Option<i64>,
    /// The complete request provably never left this machine: no connection, no name, no TLS, no way through the proxy,
    /// or a body whose end was not sent.
    pub never_left: bool,
}

impl ApiError {
    /// Whether the server may have carried out the request in spite of the error.
    pub const fn outcome_is_unknown(&self) -> bool {
        !self.never_left && !self.class.is_definite_refusal()
    }

    /// An error of this machine or of the network, or an answer that is not the API's.
    pub(super) const fn local(class: ErrorClass, message: String, never_left: bool) -> Self {
        Self { class, code: None, message, request_id: None, retry_after_ms: None, never_left }
    }

    /// A refusal by the API, with its message. The message never contains the request id, so that equal
    /// refusals have equal messages.
    pub(super) fn refusal(
        code: i64,
        http_status: u16,
        words: Option<&str>,
        request_id: Option<&str>,
        retry_after_ms: Option<i64>,
    ) -> Self {
        let class = ErrorClass::of(code, http_status);
        let words = words.map(|words| without_id(words, request_id));
        let words = words.map(|words| format!(": {words}")).unwrap_or_default();
        Self {
            class,
            code: Some(code),
            message: format!("{}{words} (code {code})", class.summary()),
            request_id: request_id.map(str::to_owned),
            retry_after_ms,
            never_left: false,
        }
    }
}

/// Replaces the request id in the API's message.
fn without_id(words: &str, request_id: Option<&str>) -> String {
    match request_id.filter(|id| id.len() >= REQUEST_ID_BYTES_MIN) {
        Some(id) => words.replace(id, "…"),
        None => words.to_owned(),
    }
}
