//! One daemon a database: a lock file beside it, held for the daemon's life.
//!
//! The kernel lets go of the lock when the process ends, however it ends; the PID in the file is only
//! for people.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::failpoint;

/// So often the lock is tried for.
const LOOKS: u32 = 10;
/// So long between two tries.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
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
    /// The lock file cannot be opened or locked.
    #[error("lock file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock for the database at `database`.
    ///
    /// # Errors
    /// When another daemon holds it, or the file cannot be opened.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let path = lock_path(database);
        let told = |source| LockError::Io { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(told)?;
        match try_lock_patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid =
                    read_pid(&mut file).map_or_else(|| "unknown".into(), |pid| pid.to_string());
                return Err(LockError::Held { database: database.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(told(source)),
        }
        failpoint::before("lock.write");
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(told)?;
        failpoint::after("lock.write");
        Ok(Self { _file: file })
    }
}

/// Returns the PID of the daemon that works on the database at `database`, if one does. A PID of 0
/// stands for a daemon whose PID is not readable.
#[must_use]
pub fn holder(database: &Path) -> Option<u32> {
    let mut file = File::open(lock_path(database)).ok()?;
    match file.try_lock_shared() {
        // It is let go again as the file is dropped.
        Ok(()) => None,
        Err(TryLockError::WouldBlock) => Some(read_pid(&mut file).unwrap_or(0)),
        Err(TryLockError::Error(_)) => None,
    }
}

/// [`holder`] takes the lock for a moment to see whether it is free: a daemon that starts just then
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

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push(".lock");
    path.into()
}
