//! What every command gets.

use std::io::Write;

use crate::config::Config;

/// The settings of a command and its output streams.
pub(super) struct CommandContext<'a> {
    pub(super) config: &'a Config,
    /// The command that starts the daemon.
    pub(super) start: &'a str,
    /// Data goes here: stdout.
    pub(super) out: &'a mut dyn Write,
    /// Everything else goes here: stderr.
    pub(super) err: &'a mut dyn Write,
    /// Whether `out` is a terminal.
    pub(super) on_terminal: bool,
}
