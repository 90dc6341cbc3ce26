//! Why a message could not be sent.

/// Why a message could not be sent: a phrase for people, without URLs and secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    pub(super) message: String,
    /// The target works, but refused this message. Other messages need not wait.
    pub(super) is_refusal: bool,
}

impl SendError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_refusal: false }
    }

    pub(super) fn refusal(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_refusal: true }
    }
}
