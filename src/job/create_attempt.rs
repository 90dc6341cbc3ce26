//! A create request that may have been sent, and how it was answered.

use super::Failure;

/// A create request that is recorded, and may have been sent. While a task has one, Kling may have created the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAttempt {
    /// The host it was sent to.
    pub host: String,
    /// The key it was sent with.
    pub account: String,
    /// When (Unix ms) it was first recorded, which is just before the first send.
    pub first_sent_at_ms: i64,
    /// When (Unix ms) it was last recorded.
    pub sent_at_ms: i64,
    /// How often it was recorded to be sent.
    pub sends: u32,
    /// How Kling answered the last send.
    pub answer: CreateAnswer,
    /// The error of that answer, or why no answer came.
    pub failure: Option<Failure>,
}

impl CreateAttempt {
    /// Whether it was sent more than once: then a refusal of the last send does not prove that no task has
    /// its name.
    #[must_use]
    pub fn was_sent_before(&self) -> bool {
        self.sends > 1
    }

    /// Returns how often and when it was sent, and what the last send failed at.
    pub(super) fn summary(&self) -> String {
        let last = utc_seconds(self.sent_at_ms);
        let sent = match self.sends {
            1 => format!("sent once, at {last}"),
            sends => {
                let first = utc_seconds(self.first_sent_at_ms);
                format!("sent {sends} times, first at {first}, last at {last}")
            }
        };
        let failure = self.failure.as_ref().map(|failure| failure.message.as_str());
        format!("{sent}: {}", failure.unwrap_or("no response was recorded"))
    }
}

/// How sure a person was that Kling has no task of a create request. Decided by `lipsyncd resolve --resend`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// Kling is asked first. The request is not sent if Kling shows a task that may be its task.
    Checked,
    /// The request is sent unless Kling shows a task with the name that lipsyncd made.
    Sure,
}

impl Resend {
    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Sure => "sure",
        }
    }
}

/// How Kling answered a create request that has not become a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CreateAnswer {
    /// There was no answer, or the answer leaves the outcome open.
    #[default]
    Unknown,
    /// "A task with this name exists."
    NameExists,
    /// The session cannot be used any more.
    SessionGone,
    /// The request was refused for another reason.
    Refused,
}

impl CreateAnswer {
    /// Every answer.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::NameExists, Self::SessionGone, Self::Refused];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NameExists => "name_exists",
            Self::SessionGone => "session_gone",
            Self::Refused => "refused",
        }
    }
}

fn utc_seconds(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
