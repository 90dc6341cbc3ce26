//! The states of a job, and what each means: who enters it, who leaves it, what a crash leaves.
//!
//! Owns their names, which stand in the database, the logs and the command line alike.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a job stands. The order is the order of a job's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// For its media or for `not_before`. The inbox enters it and, when the media are there and
    /// still, leaves it. A crash leaves it as it is.
    Waiting,
    /// Everything local is known; Identify Face comes next. A crash leaves it as it is: at worst a
    /// video is identified once more.
    Queued,
    /// Face and timing are settled and checked; the create comes next, when a slot is free. A crash
    /// leaves it as it is.
    Identified,
    /// The create request is written and may have been sent: its outcome is unknown until it is
    /// answered or looked up. Holds a slot, for 15 minutes at most. A start that finds it looks the task
    /// up and never assumes that nothing was sent.
    Creating,
    /// The task was accepted, and is paid for. Holds a slot. A start polls it again.
    Submitted,
    /// The API works on the task. Holds a slot. A start polls it again.
    Processing,
    /// The task succeeded; its result is being fetched. A start goes on from the part file.
    Downloading,
    /// The result is on disk, whole and verified.
    Succeeded,
    /// It ended without a result; the error says why. `lipsyncd retry`, an edit or a return to the
    /// folder can leave it.
    Failed,
    /// It was taken back before it was sent.
    Cancelled,
    /// Whether Kling has a task of its create request cannot be found out: a person decides, unless more
    /// becomes known. Holds no slot.
    Unresolved,
}

impl State {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 11] = [
        Self::Waiting,
        Self::Queued,
        Self::Identified,
        Self::Creating,
        Self::Submitted,
        Self::Processing,
        Self::Downloading,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Unresolved,
    ];

    /// Its name in the database, the logs and the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Identified => "identified",
            Self::Creating => "creating",
            Self::Submitted => "submitted",
            Self::Processing => "processing",
            Self::Downloading => "downloading",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unresolved => "unresolved",
        }
    }

    /// Whether the job will not move again by itself, and its outcome is known.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether a task of the account's concurrency is, or may be, taken by it.
    pub const fn holds_slot(self) -> bool {
        matches!(self, Self::Creating | Self::Submitted | Self::Processing)
    }

    /// Whether nothing that costs a task has left the machine for it yet.
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Waiting | Self::Queued | Self::Identified)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no state's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no state is called `{0}`")]
pub struct UnknownState(pub String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| UnknownState(name.to_owned()))
    }
}
