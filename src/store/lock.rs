//! One daemon per database: a lock file beside the database, and a lock on the database itself. The daemon holds
//! both until it ends.
//!
//! The lock file informs readers: it has the PID, and the error that keeps the daemon from writing the database.
//! The lock on the database locks the inode, so that no other path and no deleted lock file lets a second daemon
//! in. The kernel releases both locks when the process ends, however it ends.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::failpoint;

const TRIES: u32 = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
/// The fixed size of the lock file: the daemon can write an error into it even when the disk is full.
const FILE_BYTES: usize = 1024;

/// The lock file, locked until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// The daemon that uses a database, as the lock file shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// The PID of the daemon; 0: it cannot be read.
    pub pid: u32,
    /// Why it cannot write the database at the moment.
    pub problem: Option<String>,
}

/// Why the lock cannot be taken.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LockError {
    #[error(
        "another lipsyncd (PID {pid}) uses {database}: stop that daemon first, or set `state_db` to \
         another file"
    )]
    Held { database: PathBuf, pid: String },
    #[error("lock file {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

impl LockError {
    /// Whether this user has no permission to take the lock.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

impl Lock {
    /// Takes the lock for the database at `database`.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let path = lock_path(database);
        let mut file = open(&path)?;
        let Err(error) = try_lock_patiently(&file) else {
            let lock = Self { file };
            failpoint::before("lock.write");
            lock.report(None);
            failpoint::after("lock.write");
            return Ok(lock);
        };
        let pid = LockHolder::read(&mut file).map(|holder| holder.pid).filter(|pid| *pid > 0);
        Err(lock_error(error, path, database, pid))
    }

    /// Writes for readers why the database cannot be written at the moment; none: it can.
    pub fn report(&self, problem: Option<&str>) {
        let problem = problem.unwrap_or_default().replace(['\n', '\0'], " ");
        let mut text = format!("{}\n{problem}", std::process::id()).into_bytes();
        text.resize(FILE_BYTES - 1, b' ');
        text.push(b'\n');
        // The lock holds without its text.
        let _unwritten = self.file.write_all_at(&text, 0);
    }
}

impl LockHolder {
    fn read(file: &mut File) -> Option<Self> {
        let mut bytes = Vec::new();
        file.take(FILE_BYTES as u64).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.lines().map(str::trim);
        let pid = lines.next().and_then(|pid| pid.parse().ok()).unwrap_or(0);
        let problem = lines.next().filter(|words| !words.is_empty()).map(str::to_owned);
        Some(Self { pid, problem })
    }
}

/// Returns the daemon that uses the database at `database`, if one does.
pub fn lock_holder(database: &Path) -> Option<LockHolder> {
    let mut file = File::open(lock_path(database)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            Some(LockHolder::read(&mut file).unwrap_or(LockHolder { pid: 0, problem: None }))
        }
        // Dropping the file releases the lock.
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// The locked database file. It must be dropped after the last connection.
#[derive(Debug)]
pub(super) struct DatabaseLock {
    _file: File,
}

impl DatabaseLock {
    /// Locks the file at `database`, and creates it if needed. Call it before SQLite opens the file: closing this file
    /// after a failure releases all locks of the process on it.
    pub(super) fn take(database: &Path) -> Result<Self, LockError> {
        let file = open(database)?;
        match try_lock_patiently(&file) {
            Ok(()) => Ok(Self { _file: file }),
            // A file system without such locks: the lock file alone has to do.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(Self { _file: file })
            }
            Err(error) => Err(lock_error(error, database.to_owned(), database, None)),
        }
    }
}

fn open(path: &Path) -> Result<File, LockError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(|source| LockError::Io { path: path.to_owned(), source })
}

fn lock_error(error: TryLockError, path: PathBuf, database: &Path, pid: Option<u32>) -> LockError {
    match error {
        TryLockError::WouldBlock => {
            let pid = pid.map_or_else(|| "unknown".into(), |pid| pid.to_string());
            LockError::Held { database: database.to_owned(), pid }
        }
        TryLockError::Error(source) => LockError::Io { path, source },
    }
}

/// Tries several times, because [`lock_holder`] takes the lock for a moment to test it. A daemon that starts at that
/// moment must not mistake it for another daemon.
fn try_lock_patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN_TRIES),
            decided => return decided,
        }
    }
    file.try_lock()
}

/// Returns the path beside the database file itself, after links are resolved.
fn lock_path(database: &Path) -> PathBuf {
    let mut path: OsString =
        fs::canonicalize(database).unwrap_or_else(|_| database.to_owned()).into();
    path.push(".lock");
    path.into()
}
