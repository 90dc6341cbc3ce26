//! What can go wrong with the state database, and which of it passes by itself.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::LockError;

/// A failure of the state database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite's own word.
    #[error("state database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file or its folder cannot be had, or a thread could not be started.
    #[error("state database {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// Made by a version of lipsyncd that this one does not know.
    #[error(
        "state database {path} is of version {found}, this lipsyncd knows up to {known}: install \
         the newer lipsyncd again; the database was left untouched"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// Made by an older version of lipsyncd, and only to be read.
    #[error(
        "state database {path} is of version {found}, and {known} is read: start `lipsyncd run` once, \
         which brings it up to date"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version this program reads.
        known: i64,
    },
    /// Not a database, or damaged.
    #[error(
        "state database {path} is damaged ({what}): it was left untouched; put a backup in its place \
         (with no -wal and -shm file beside it). Beginning anew would pay again for what was sent"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A database of another program.
    #[error("{path} is a database, but not one of lipsyncd's: `state_db` must name another file")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another daemon works on it.
    #[error(transparent)]
    Held(#[from] LockError),
    /// The job was moved by someone else since it was read.
    #[error("job {key} was changed meanwhile")]
    Stale {
        /// Its key.
        key: String,
    },
    /// A task was to become a job's that is another's already.
    #[error("job {key}: task {task_id} is job {owner}'s")]
    TaskTaken {
        /// The job that was to have it.
        key: String,
        /// The task.
        task_id: String,
        /// The key of the job that has it.
        owner: String,
    },
    /// A row that holds what this version never writes.
    #[error("state database: job {key} holds {what}")]
    Nonsense {
        /// The job's key.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// The writing thread has ended.
    #[error("the state database is closed")]
    Closed,
}

impl StoreError {
    /// Whether the system does not let this user write, or read, the database.
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

    /// Whether SQLite found the file damaged while it was in use.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Sqlite(error) if matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ))
    }

    /// Whether others keep the database locked, or its disk is full: then it is worth waiting.
    #[must_use]
    pub fn is_waited_out(&self) -> bool {
        matches!(self, Self::Sqlite(error) if matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull)
        ))
    }

    /// The same failure for another who waited for the same transaction.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(error, words)) => {
                rusqlite::Error::SqliteFailure(*error, words.clone()).into()
            }
            _ => Self::Closed,
        }
    }

    /// Says "damaged" where SQLite says "malformed" or "not a database" of the file at `path`.
    pub(super) fn told_of(self, path: &Path) -> Self {
        if !self.is_damage() {
            return self;
        }
        let what = match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(_, Some(words))) => words,
            other => other.to_string(),
        };
        Self::Damaged { path: path.to_owned(), what }
    }

    /// Whether it may pass by itself, so that the same work is to be tried again.
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
