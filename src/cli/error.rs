//! How a command ends: exit codes, and what is said on stderr when it does not end well.

use std::io::{self, Write};

use crate::{
    cli::text::safe,
    store::{LockError, StoreError},
};

/// What to do where the system does not let this user use the state database.
const DENIED: &str = "run this as the user the daemon runs as, or as root";

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitCode {
    /// Done.
    Done = 0,
    /// Some job or manifest failed, or could not be changed as asked.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Cannot run: another daemon on this database, no permission, no database or one of a newer
    /// version.
    CannotRun = 3,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    /// What is wrong and where.
    pub what: ErrorText,
    /// What to do or type next.
    pub hint: Option<String>,
    /// How the program ends.
    pub exit: ExitCode,
}

/// What a [`CommandError`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorText {
    /// Nothing: whoever read our output has read enough.
    Nothing,
    /// A sentence, lower-case and without a period.
    Sentence(String),
    /// Whole lines, with their own "error:" and excerpts.
    Rendered(String),
}

impl CommandError {
    /// Says `what`: a sentence, lower-case and without a period.
    pub fn new(exit: ExitCode, what: impl Into<String>) -> Self {
        Self { what: ErrorText::Sentence(what.into()), hint: None, exit }
    }

    /// Says `text` as it is; it ends in a newline.
    pub fn rendered(exit: ExitCode, text: impl Into<String>) -> Self {
        Self { what: ErrorText::Rendered(text.into()), hint: None, exit }
    }

    /// Adds what to do or type next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Writes it to `err`.
    ///
    /// # Errors
    /// When `err` cannot be written.
    pub fn report(&self, err: &mut dyn Write) -> io::Result<()> {
        match &self.what {
            ErrorText::Nothing => {}
            ErrorText::Sentence(sentence) => writeln!(err, "error: {}", safe(sentence))?,
            ErrorText::Rendered(text) => err.write_all(text.as_bytes())?,
        }
        match &self.hint {
            Some(hint) => writeln!(err, "hint: {}", safe(hint)),
            None => Ok(()),
        }
    }
}

impl CommandError {
    /// Writes it to `err`, which is the journal's, as lines of the level that errors have there.
    ///
    /// # Errors
    /// When `err` cannot be written.
    pub fn report_to_journal(&self, err: &mut dyn Write) -> io::Result<()> {
        let mut text = Vec::new();
        self.report(&mut text)?;
        String::from_utf8_lossy(&text).lines().try_for_each(|line| writeln!(err, "<3>{line}"))
    }
}

/// Output that cannot be written. A closed pipe is no error: `lipsyncd list | head` is done when
/// `head` is.
impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { what: ErrorText::Nothing, hint: None, exit: ExitCode::Done };
        }
        Self::new(ExitCode::CannotRun, format!("cannot write the output: {error}"))
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let told = Self::new(ExitCode::CannotRun, error.to_string());
        if error.is_denied() {
            return told.hint(DENIED);
        }
        if error.is_damage() {
            return told.hint(
                "put a backup of the state database in its place (with no -wal and -shm file beside \
                 it); beginning anew would pay again for what was sent",
            );
        }
        told
    }
}

impl From<LockError> for CommandError {
    fn from(error: LockError) -> Self {
        let told = Self::new(ExitCode::CannotRun, error.to_string());
        if error.is_denied() { told.hint(DENIED) } else { told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: &CommandError) -> String {
        let mut err = Vec::new();
        error.report(&mut err).unwrap();
        String::from_utf8(err).unwrap()
    }

    #[test]
    fn an_error_says_what_and_what_next() {
        let error =
            CommandError::new(ExitCode::Failed, "no job is called `x`").hint("did you mean `y`?");
        assert_eq!(said(&error), "error: no job is called `x`\nhint: did you mean `y`?\n");
    }

    #[test]
    fn what_was_typed_reaches_the_terminal_escaped() {
        let error = CommandError::new(ExitCode::Failed, "no job is called `\u{1b}[2J`");
        assert_eq!(said(&error), "error: no job is called `\\u{1b}[2J`\n");
    }

    #[test]
    fn the_journal_is_told_that_it_is_an_error() {
        let mut err = Vec::new();
        let error = CommandError::new(ExitCode::Usage, "no credentials").hint("set them");
        error.report_to_journal(&mut err).unwrap();
        let said = String::from_utf8(err).unwrap();
        assert_eq!(said, "<3>error: no credentials\n<3>hint: set them\n");
    }

    #[test]
    fn a_closed_pipe_is_silent() {
        let error = CommandError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((said(&error).as_str(), error.exit), ("", ExitCode::Done));
    }
}
