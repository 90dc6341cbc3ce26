//! One daemon a database: a lock file beside it, and a lock on the database itself, both held for the
//! daemon's life.
//!
//! The lock file is for those who look: it tells the PID, and what keeps the daemon from writing the
//! database, which cannot be told there. The lock on the database is by its inode, so that neither
//! another name for it nor a lock file that was deleted lets a second daemon in. The kernel lets go of
//! both when the process ends, however it ends.

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

/// So often the lock is tried for.
const LOOKS: u32 = 10;
/// So long between two tries.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// The lock file is always as long: a full disk must not keep a word from being written into it.
const FILE_BYTES: usize = 1024;

/// The lock file, locked until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// Who works on a database, as far as the lock file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// The daemon's PID; 0: it is not readable.
    pub pid: u32,
    /// Why it cannot write the database at the moment, if so.
    pub problem: Option<String>,
}

/// Why the lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another daemon has it.
    #[error(
        "another lipsyncd (PID {pid}) works on {database}: stop it first, or give this one a \
         `state_db` of its own"
    )]
    Held {
        /// The database.
        database: PathBuf,
        /// Who holds it, as far as the file tells.
        pid: String,
    },
    /// The file cannot be opened or locked.
    #[error("lock file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl LockError {
    /// Whether the system does not let this user take the lock.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

impl Lock {
    /// Takes the lock for the database at `database`.
    ///
    /// # Errors
    /// When another daemon holds it, or the file cannot be opened.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let path = lock_path(database);
        let mut file = open(&path)?;
        let Err(error) = try_lock_patiently(&file) else {
            let lock = Self { file };
            failpoint::before("lock.write");
            lock.tell(None);
            failpoint::after("lock.write");
            return Ok(lock);
        };
        let pid = LockHolder::read(&mut file).map(|holder| holder.pid).filter(|pid| *pid > 0);
        Err(not_had(error, path, database, pid))
    }

    /// Tells those who look why the database cannot be written at the moment; none: it can.
    pub fn tell(&self, problem: Option<&str>) {
        let problem = problem.unwrap_or_default().replace(['\n', '\0'], " ");
        let mut text = format!("{}\n{problem}", std::process::id()).into_bytes();
        text.resize(FILE_BYTES - 1, b' ');
        text.push(b'\n');
        // The lock holds without its words.
        let _untold = self.file.write_all_at(&text, 0);
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

/// Returns the daemon that works on the database at `database`, if one does.
#[must_use]
pub fn lock_holder(database: &Path) -> Option<LockHolder> {
    let mut file = File::open(lock_path(database)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            Some(LockHolder::read(&mut file).unwrap_or(LockHolder { pid: 0, problem: None }))
        }
        // It is let go again as the file is dropped.
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// The database file itself, locked until it is dropped, which must be after its last connection.
#[derive(Debug)]
pub(super) struct DatabaseLock {
    _file: File,
}

impl DatabaseLock {
    /// Locks the file at `database`, which is made when it is not there. To be called before SQLite
    /// opens it: with the file that is closed when the lock is not had, go all locks of this process
    /// on it.
    pub(super) fn take(database: &Path) -> Result<Self, LockError> {
        let file = open(database)?;
        match try_lock_patiently(&file) {
            Ok(()) => Ok(Self { _file: file }),
            // A file system without such locks: the lock file is all there is.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(Self { _file: file })
            }
            Err(error) => Err(not_had(error, database.to_owned(), database, None)),
        }
    }
}

fn open(path: &Path) -> Result<File, LockError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(|source| LockError::Io { path: path.to_owned(), source })
}

fn not_had(error: TryLockError, path: PathBuf, database: &Path, pid: Option<u32>) -> LockError {
    match error {
        TryLockError::WouldBlock => {
            let pid = pid.map_or_else(|| "unknown".into(), |pid| pid.to_string());
            LockError::Held { database: database.to_owned(), pid }
        }
        TryLockError::Error(source) => LockError::Io { path, source },
    }
}

/// [`lock_holder`] takes the lock for a moment to see whether it is free: a daemon that starts just then
/// must not take that for another daemon.
fn try_lock_patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 1..LOOKS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN_LOOKS),
            decided => return decided,
        }
    }
    file.try_lock()
}

/// Beside the file itself, whatever link led there.
fn lock_path(database: &Path) -> PathBuf {
    let mut path: OsString =
        fs::canonicalize(database).unwrap_or_else(|_| database.to_owned()).into();
    path.push(".lock");
    path.into()
}
