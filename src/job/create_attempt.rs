//! A create request that may have been sent, and how it was answered.

use super::Failure;

/// A create request that is recorded, and may have been sent. While a task has one, Kling may have created the task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CreateAttempt {
    pub host: String,
    pub account: String,
    /// When (Unix ms) it was first recorded, which is just before the first send.
    pub first_sent_at_ms: i64,
    pub sent_at_ms: i64,
    pub sends: u32,
    pub answer: CreateAnswer,
    pub failure: Option<Failure>,
}

impl CreateAttempt {
    /// Whether it was sent more than once: then a refusal of the last send does not prove that no task has
    /// its name.
    pub fn was_sent_before(&self) -> bool {
        self.sends > 1
    }

    /// Whether its last send was refused, unless a task of its name is found.
    pub fn is_refused(&self) -> bool {
        matches!(
            self.answer,
            CreateAnswer::Refused | CreateAnswer::SessionGone | CreateAnswer::MaybeSessionGone
        )
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

names!(Resend { Checked: "checked", Sure: "sure" });

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
    /// The request was refused for any reason, and a session that is gone may be refused in the same way.
    MaybeSessionGone,
    /// The request was refused for another reason.
    Refused,
}

names!(CreateAnswer {
    Unknown: "unknown",
    NameExists: "name_exists",
    SessionGone: "session_gone",
    MaybeSessionGone: "maybe_session_gone",
    Refused: "refused",
});

fn utc_seconds(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
