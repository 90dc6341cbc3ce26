//! The states of a job and of a task, and what each means after a crash.
//!
//! Their names are the same in the database, the logs and the commands.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The state of a job or task. The order is the order in which a job passes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for its media or for `not_before`. A crash does not change it.
    Waiting,
    /// Its media are checked; Identify Face is next. A crash does not change it: at worst a video is identified
    /// again.
    Queued,
    /// Face and timing are chosen and checked; the create request is next, when a slot is free. A crash does not
    /// change it.
    Identified,
    /// The create request is recorded and may have been sent: its outcome is unknown until it is answered or
    /// looked up. Holds a slot for 15 minutes at most. After a crash the task is looked up; lipsyncd never assumes
    /// that nothing was sent.
    Creating,
    /// Kling accepted the task, which is paid for. Holds a slot. A start polls the task again.
    Submitted,
    /// Kling is processing the task. Holds a slot. A start polls the task again.
    Processing,
    /// The task succeeded; its result is being downloaded. A start continues from the part file.
    Downloading,
    /// The result is on disk, complete and verified.
    Succeeded,
    /// It ended without a result; the error says why. `lipsyncd retry`, an edit or a return to the folder can
    /// start it again.
    Failed,
    /// It was cancelled before it was sent.
    Cancelled,
    /// Nothing shows whether Kling has a task of its create request: a person decides, unless new information
    /// comes. Holds no slot.
    Unresolved,
}

names!(State {
    Waiting: "waiting",
    Queued: "queued",
    Identified: "identified",
    Creating: "creating",
    Submitted: "submitted",
    Processing: "processing",
    Downloading: "downloading",
    Succeeded: "succeeded",
    Failed: "failed",
    Cancelled: "cancelled",
    Unresolved: "unresolved",
});

impl State {
    /// Whether it has ended with a known outcome, and will not change automatically.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether it holds, or may hold, one of the account's slots.
    pub const fn holds_slot(self) -> bool {
        matches!(self, Self::Creating | Self::Submitted | Self::Processing)
    }

    /// Whether no create request was sent for it.
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Waiting | Self::Queued | Self::Identified)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no state has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no state `{0}`")]
pub struct UnknownState(pub String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::named(name).ok_or_else(|| UnknownState(name.to_owned()))
    }
}
