//! A command that `status` suggests.

use serde::Serialize;

/// A command that a person should run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct NextCommand {
    /// Safe to show.
    pub(super) command: String,
    pub(super) why: String,
}
