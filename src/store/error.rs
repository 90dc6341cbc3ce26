//! Errors of the state database, and which of them may pass.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::{LockError, conflict::Conflict};
use crate::job::IllegalTransition;

/// An error of the state database.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum StoreError {
    #[error("state database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("state database {path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error(
        "state database {path} has version {found}, and this lipsyncd supports up to {known}: install \
         the newer lipsyncd again. The database was not changed"
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error(
        "state database {path} has version {found}, and this command needs {known}: start `lipsyncd run` \
         once, which updates the database"
    )]
    Older { path: PathBuf, found: i64, known: i64 },
    #[error(
        "state database {path} is damaged ({what}) and was not changed: replace it with a backup, without \
         -wal and -shm files beside it. An empty database would pay again for jobs already created at Kling"
    )]
    Damaged { path: PathBuf, what: String },
    #[error("{path} is a database of another program: set `state_db` to another file")]
    Foreign { path: PathBuf },
    #[error(transparent)]
    Held(#[from] LockError),
    #[error("job {key} was changed by another process in the meantime")]
    Stale { key: String },
    #[error("job {key}: task {task_id} already belongs to job {owner}")]
    TaskTaken { key: String, task_id: String, owner: String },
    #[error("state database: job {key} has {what}")]
    Inconsistent { key: String, what: String },
    /// The work is rolled back. The caller handles the conflict.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error("the state database is closed")]
    Closed,
}

impl From<IllegalTransition> for StoreError {
    fn from(illegal: IllegalTransition) -> Self {
        Self::Inconsistent { key: illegal.key.clone(), what: illegal.to_string() }
    }
}

impl StoreError {
    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Whether this user has no permission to read or write the database.
    pub fn is_denied(&self) -> bool {
        use ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
        match self {
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::PermissionDenied,
            Self::Held(error) => error.is_denied(),
            _ => matches!(self.code(), Some(ReadOnly | CannotOpen | PermissionDenied)),
        }
    }

    /// Whether SQLite found the file damaged.
    pub fn is_damage(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }

    /// Whether another process has locked the database.
    pub fn is_locked(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Whether waiting helps: another process has locked the database, or the disk is full.
    pub fn is_waited_out(&self) -> bool {
        self.is_locked() || matches!(self.code(), Some(ErrorCode::DiskFull))
    }

    /// Returns the same error for another caller of the same transaction.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(error, words)) => {
                rusqlite::Error::SqliteFailure(*error, words.clone()).into()
            }
            _ => Self::Closed,
        }
    }

    /// Makes an error with the path from SQLite's "malformed" and "not a database".
    pub(super) fn with_path(self, path: &Path) -> Self {
        if !self.is_damage() {
            return self;
        }
        let what = match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(_, Some(words))) => words,
            other => other.to_string(),
        };
        Self::Damaged { path: path.to_owned(), what }
    }

    /// Whether the error may pass, so that the same work is tried again.
    pub(super) fn is_passing(&self) -> bool {
        use ErrorCode::{CannotOpen, OutOfMemory, ReadOnly, SystemIoFailure};
        self.is_waited_out()
            || matches!(self.code(), Some(SystemIoFailure | CannotOpen | ReadOnly | OutOfMemory))
    }
}
