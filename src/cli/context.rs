//! What every command works with: the settings and where its output goes.

use std::io::Write;

use crate::config::Config;

/// The settings of a command and its output streams.
pub(crate) struct CommandContext<'a> {
    /// The settings.
    pub(crate) config: &'a Config,
    /// The command that starts the daemon.
    pub(crate) start: &'a str,
    /// Data goes here: stdout.
    pub(crate) out: &'a mut dyn Write,
    /// Everything else goes here: stderr.
    pub(crate) err: &'a mut dyn Write,
    /// Whether `out` is a terminal.
    pub(crate) on_terminal: bool,
}
