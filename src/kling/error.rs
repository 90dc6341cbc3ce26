//! The error of a call: what it means, and one sentence for people.

use super::meaning::Meaning;

/// Why a call brought no result. Its text is one sentence, bounded, without secrets and control
/// characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What it means.
    pub meaning: Meaning,
    /// The API's code, where the answer was the API's.
    pub code: Option<i64>,
    /// One sentence for people, without a period.
    pub message: String,
    /// The API's name for the request; support asks for it.
    pub request_id: Option<String>,
    /// How long the server asks to wait before the next request; not negative.
    pub retry_after_ms: Option<i64>,
    /// The request provably never left this machine: no connection, no name, no TLS, no way through the proxy.
    pub never_left: bool,
}

impl ApiError {
    /// Whether the server may have done what it was asked for all the same.
    pub const fn leaves_outcome_open(&self) -> bool {
        !self.never_left && !self.meaning.is_definite_refusal()
    }

    /// An error that comes from this side of the wire, or from an answer that is not the API's.
    pub(super) const fn local(meaning: Meaning, message: String, never_left: bool) -> Self {
        Self { meaning, code: None, message, request_id: None, retry_after_ms: None, never_left }
    }

    /// The API's own refusal, as it words it.
    pub(super) fn refusal(
        code: i64,
        http_status: u16,
        words: Option<&str>,
        request_id: Option<&str>,
        retry_after_ms: Option<i64>,
    ) -> Self {
        let meaning = Meaning::of(code, http_status);
        let words = words.map(|words| format!(": {words}")).unwrap_or_default();
        let request = request_id.map(|id| format!(", request {id}")).unwrap_or_default();
        Self {
            meaning,
            code: Some(code),
            message: format!("{}{words} (code {code}{request})", meaning.phrase()),
            request_id: request_id.map(str::to_owned),
            retry_after_ms,
            never_left: false,
        }
    }
}
