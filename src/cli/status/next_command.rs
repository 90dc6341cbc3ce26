//! A command that `status` suggests.

use serde::Serialize;

use crate::cli::safe;

/// A command that a person should run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct NextCommand {
    /// Safe to show.
    pub(super) command: String,
    pub(super) why: String,
}

impl NextCommand {
    pub(super) fn new(command: &str, why: impl Into<String>) -> Self {
        Self { command: safe(command).into_owned(), why: why.into() }
    }
}
