//! How a command ends: exit codes, and error messages on stderr.

use std::io::{self, Write};

use crate::{
    cli::text::safe,
    store::{LockError, StoreError},
};

/// The hint when this user has no permission for the state database.
const DENIED: &str = "run this as the daemon's user, or as root";
/// The hint when another process has locked the state database.
const LOCKED: &str = "another process keeps the database locked: try again, or run `fuser -v` with the file of state_db to see who has it open";

/// How a command ends.
pub(super) type Result<T = ExitCode, E = CommandError> = std::result::Result<T, E>;

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitCode {
    /// The command did its work.
    Done = 0,
    /// Some job or manifest failed, or could not be changed.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Cannot run: another daemon on this database, no permission, or no usable database.
    CannotRun = 3,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandError {
    pub(super) text: ErrorText,
    pub(super) hint: Option<String>,
    pub(super) exit: ExitCode,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ErrorText {
    /// None: the reader of our output closed the pipe.
    Nothing,
    /// A sentence, lower-case and without a period.
    Sentence(String),
    /// Complete lines, with their own "error:" and excerpts.
    Rendered(String),
}

impl CommandError {
    /// Creates an error from a sentence, in lower case and without a period.
    pub(super) fn new(exit: ExitCode, sentence: impl Into<String>) -> Self {
        Self { text: ErrorText::Sentence(sentence.into()), hint: None, exit }
    }

    /// Creates an error from complete lines; `text` ends in a newline.
    pub(super) fn rendered(exit: ExitCode, text: impl Into<String>) -> Self {
        Self { text: ErrorText::Rendered(text.into()), hint: None, exit }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts what happened before the error in front of it.
    pub(super) fn after(mut self, before: &str) -> Self {
        if let ErrorText::Sentence(sentence) = &mut self.text {
            *sentence = format!("{before}: {sentence}");
        }
        self
    }

    /// Writes the error to `err`.
    pub(super) fn report(&self, err: &mut dyn Write) -> io::Result<()> {
        match &self.text {
            ErrorText::Nothing => {}
            ErrorText::Sentence(sentence) => writeln!(err, "error: {}", safe(sentence))?,
            ErrorText::Rendered(text) => err.write_all(text.as_bytes())?,
        }
        match &self.hint {
            Some(hint) => writeln!(err, "hint: {}", safe(hint)),
            None => Ok(()),
        }
    }

    /// Writes the error to the journal's stream `err`, with the priority of errors.
    pub(super) fn report_to_journal(&self, err: &mut dyn Write) -> io::Result<()> {
        let mut text = Vec::new();
        self.report(&mut text)?;
        String::from_utf8_lossy(&text).lines().try_for_each(|line| writeln!(err, "<3>{line}"))
    }
}

/// Output that cannot be written. A closed pipe is no error: `lipsyncd list | head` ends when `head` ends.
impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { text: ErrorText::Nothing, hint: None, exit: ExitCode::Done };
        }
        Self::new(ExitCode::CannotRun, format!("cannot write the output: {error}"))
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let failure = Self::new(ExitCode::CannotRun, error.to_string());
        if error.is_denied() {
            return failure.hint(DENIED);
        }
        if error.is_locked() {
            return failure.hint(LOCKED);
        }
        if error.is_damage() {
            return failure.hint(
                "restore a backup of the state database and delete its -wal and -shm files; an empty \
                 database would pay again for jobs already created at Kling",
            );
        }
        failure
    }
}

impl From<LockError> for CommandError {
    fn from(error: LockError) -> Self {
        let failure = Self::new(ExitCode::CannotRun, error.to_string());
        if error.is_denied() { failure.hint(DENIED) } else { failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(error: &CommandError) -> String {
        let mut err = Vec::new();
        error.report(&mut err).unwrap();
        String::from_utf8(err).unwrap()
    }

    #[test]
    fn an_error_shows_its_hint() {
        let error =
            CommandError::new(ExitCode::Failed, "no job is called `x`").hint("did you mean `y`?");
        assert_eq!(printed(&error), "error: no job is called `x`\nhint: did you mean `y`?\n");
    }

    #[test]
    fn control_characters_in_arguments_are_escaped() {
        let error = CommandError::new(ExitCode::Failed, "no job is called `\u{1b}[2J`");
        assert_eq!(printed(&error), "error: no job is called `\\u{1b}[2J`\n");
    }

    #[test]
    fn the_journal_gets_the_priority_of_errors() {
        let mut err = Vec::new();
        let error = CommandError::new(ExitCode::Usage, "no credentials").hint("set them");
        error.report_to_journal(&mut err).unwrap();
        let lines = String::from_utf8(err).unwrap();
        assert_eq!(lines, "<3>error: no credentials\n<3>hint: set them\n");
    }

    #[test]
    fn a_closed_pipe_is_silent() {
        let error = CommandError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((printed(&error).as_str(), error.exit), ("", ExitCode::Done));
    }
}
