//! A copy of the state database in one file, made while the daemon works on.
//!
//! SQLite's backup API reads one moment of the database over a read-only connection, so that nobody who
//! writes is held up, and a user who may only read can do it. The copy is whole, checked and synced before
//! it has its name; nothing that exists is ever written over. It keeps no log of its own (`journal_mode`
//! is DELETE): it is one file to be put back, and can be read at once by someone who may only read. The
//! daemon that next opens it goes over to WAL.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::{StoreError, open::open_reader_of_any_version};

/// So many pages are copied between two looks at whether it is to go on.
const PAGES_A_STEP: i32 = 2_000;
/// How long to wait when the copy itself is locked (by a virus scanner, or someone curious).
const BUSY_REST: Duration = Duration::from_millis(50);
/// So often that is waited for.
const BUSY_RESTS_MAX: u32 = 100;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// Where it is.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// How many jobs it holds.
    pub jobs: i64,
}

/// Why there is no backup. Nothing of it is left then.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database cannot be read, or is damaged.
    #[error(transparent)]
    Database(#[from] StoreError),
    /// Something has that name already.
    #[error("{} is there already: a backup writes over nothing", .0.display())]
    Exists(PathBuf),
    /// The copy cannot be written.
    #[error("backup {}: {source}", path.display())]
    Unwritable {
        /// Where it was to be.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// SQLite cannot write the copy.
    #[error("backup {}: {source}", path.display())]
    Copy {
        /// Where it was to be.
        path: PathBuf,
        /// SQLite's word.
        source: rusqlite::Error,
    },
    /// The copy is not whole, so that the database is not either.
    #[error("the copy of {} is damaged ({what}), and so is the state database, or the disk", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It was told to stop.
    #[error("interrupted: no backup was made")]
    Stopped,
}

/// Copies the database at `database` to `file`, which must not exist; `stop` is asked now and then
/// whether to give up.
///
/// # Errors
/// When the database cannot be read or the copy not be written. Nothing is left of it then.
pub fn back_up(
    database: &Path,
    file: &Path,
    stop: &dyn Fn() -> bool,
) -> Result<BackupReport, BackupError> {
    let unwritable = |source| BackupError::Unwritable { path: file.to_owned(), source };
    if fs::symlink_metadata(file).is_ok() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let source = open_reader_of_any_version(database)?;
    let folder = folder_of(file);
    // A name that nobody has, and mode 0600: a database holds addresses that may be signed.
    let part = tempfile::Builder::new()
        .prefix(".lipsyncd-backup-")
        .tempfile_in(folder)
        .map_err(unwritable)?;
    copy(&source, part.path(), file, stop)?;
    drop(source);
    let jobs = check(part.path(), database, file)?;
    part.as_file().sync_all().map_err(unwritable)?;
    let bytes = part.as_file().metadata().map_err(unwritable)?.len();
    part.persist_noclobber(file).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(file.to_owned()),
        _ => unwritable(error.error),
    })?;
    // A folder that cannot be synced (on a network share, say) has the file all the same.
    let _unsynced = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(BackupReport { file: file.to_owned(), bytes, jobs })
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn copy(
    source: &Connection,
    part: &Path,
    file: &Path,
    stop: &dyn Fn() -> bool,
) -> Result<(), BackupError> {
    let failed = |source| BackupError::Copy { path: file.to_owned(), source };
    // All of it is of one moment: whoever writes meanwhile does not make it begin anew.
    let moment = source.unchecked_transaction().map_err(StoreError::from)?;
    moment
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(StoreError::from)?;
    let mut target = open_part(part).map_err(failed)?;
    // What is half written is thrown away: it needs neither a log to be undone by, nor syncs.
    target.pragma_update(None, "synchronous", "OFF").map_err(failed)?;
    target.pragma_update(None, "journal_mode", "OFF").map_err(failed)?;
    let backup = Backup::new(source, &mut target).map_err(failed)?;
    let mut rests = 0;
    loop {
        if stop() {
            return Err(BackupError::Stopped);
        }
        match backup.step(PAGES_A_STEP).map_err(failed)? {
            StepResult::Done => break,
            StepResult::More => rests = 0,
            _ if rests < BUSY_RESTS_MAX => {
                rests += 1;
                thread::sleep(BUSY_REST);
            }
            _ => return Err(failed(busy())),
        }
    }
    drop(backup);
    target.close().map_err(|(_, error)| failed(error))
}

/// Takes the copy out of WAL mode and reads it through; returns how many jobs it holds.
fn check(part: &Path, database: &Path, file: &Path) -> Result<i64, BackupError> {
    let failed = |source| BackupError::Copy { path: file.to_owned(), source };
    let copy = open_part(part).map_err(failed)?;
    copy.pragma_update(None, "journal_mode", "DELETE").map_err(failed)?;
    let health: String =
        copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if health != "ok" {
        return Err(BackupError::Damaged { path: database.to_owned(), what: health });
    }
    let jobs = copy.query_row("SELECT count(*) FROM job", [], |row| row.get(0)).map_err(failed)?;
    copy.close().map_err(|(_, error)| failed(error))?;
    Ok(jobs)
}

fn open_part(part: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(part, flags)
}

fn busy() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    rusqlite::Error::SqliteFailure(code, None)
}
