//! Errors of the state database, and which of them may pass.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::LockError;
use crate::job::IllegalTransition;

/// An error of the state database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An error of SQLite.
    #[error("state database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file or its folder cannot be opened, or a thread cannot be started.
    #[error("state database {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The database was made by a newer version of lipsyncd.
    #[error(
        "state database {path} has version {found}, and this lipsyncd supports up to {known}: install \
         the newer lipsyncd again. The database was not changed"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this program supports.
        known: i64,
    },
    /// The database was made by an older version of lipsyncd, and is opened read-only.
    #[error(
        "state database {path} has version {found}, and this command needs {known}: start `lipsyncd run` \
         once, which updates the database"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version that this program reads.
        known: i64,
    },
    /// The file is damaged, or no database.
    #[error(
        "state database {path} is damaged ({what}) and was not changed: replace it with a backup, without \
         -wal and -shm files beside it. An empty database would pay again for jobs already created at Kling"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is damaged.
        what: String,
    },
    /// The database belongs to another program.
    #[error("{path} is a database of another program: set `state_db` to another file")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another daemon uses the database.
    #[error(transparent)]
    Held(#[from] LockError),
    /// The job changed since it was read.
    #[error("job {key} was changed by another process in the meantime")]
    Stale {
        /// Its key.
        key: String,
    },
    /// The task at Kling already belongs to another job.
    #[error("job {key}: task {task_id} already belongs to job {owner}")]
    TaskTaken {
        /// The key of the job that asked for the task.
        key: String,
        /// The task.
        task_id: String,
        /// The key of the job that has the task.
        owner: String,
    },
    /// A row has a value that lipsyncd never writes.
    #[error("state database: job {key} has {what}")]
    Nonsense {
        /// The job's key.
        key: String,
        /// What is damaged.
        what: String,
    },
    /// The writing thread has ended.
    #[error("the state database is closed")]
    Closed,
}

impl From<IllegalTransition> for StoreError {
    fn from(illegal: IllegalTransition) -> Self {
        Self::Nonsense { key: illegal.key.clone(), what: illegal.to_string() }
    }
}

impl StoreError {
    /// Whether this user has no permission to read or write the database.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        match self {
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)
            ),
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::PermissionDenied,
            Self::Held(error) => error.is_denied(),
            _ => false,
        }
    }

    /// Whether SQLite found the file damaged.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Sqlite(error) if matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ))
    }

    /// Whether waiting helps: another process has locked the database, or the disk is full.
    #[must_use]
    pub fn is_waited_out(&self) -> bool {
        matches!(self, Self::Sqlite(error) if matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull)
        ))
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
        let Self::Sqlite(rusqlite::Error::SqliteFailure(error, _)) = self else {
            return false;
        };
        matches!(
            error.code,
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory
        )
    }
}
