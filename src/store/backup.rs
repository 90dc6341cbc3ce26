//! A copy of the state database in one file, made while the daemon runs.
//!
//! SQLite's backup API reads a snapshot of the database over a read-only connection, so that writers are not
//! blocked and a user with read permission can make a backup. The copy is complete, checked and synced before it
//! gets its name, and it overwrites nothing. It has no WAL (`journal_mode` is DELETE), so that it is one file to
//! restore, and readable without write permission. The daemon that opens it next switches to WAL.

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

const PAGES_A_STEP: i32 = 2_000;
/// How long to wait when the copy itself is locked, for example by a virus scanner.
const BUSY_REST: Duration = Duration::from_millis(50);
const BUSY_RESTS_MAX: u32 = 100;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct BackupReport {
    pub file: PathBuf,
    pub bytes: u64,
    pub jobs: i64,
}

/// Why no backup was made. No partial file is left.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BackupError {
    #[error(transparent)]
    Database(#[from] StoreError),
    #[error("{} already exists, and a backup overwrites nothing: choose another file name", .0.display())]
    Exists(PathBuf),
    #[error("backup {}: {source}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("backup {}: {source}", path.display())]
    Copy { path: PathBuf, source: rusqlite::Error },
    #[error("the copy of {} is damaged ({what}): the state database or the disk is damaged", path.display())]
    Damaged { path: PathBuf, what: String },
    #[error("interrupted: no backup was made")]
    Stopped,
}

/// Copies the database at `database` to `file`, which must not exist. `stop` is called regularly, and ends the copy
/// when it returns true.
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
    // A unique name, and mode 0600: a database may hold signed URLs.
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
    // Some file systems, such as network shares, cannot sync a folder. The file is there anyway.
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
    // One read transaction for the complete copy: otherwise each write makes SQLite start the copy again.
    let moment = source.unchecked_transaction().map_err(StoreError::from)?;
    moment
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(StoreError::from)?;
    let mut target = open_part(part).map_err(failed)?;
    // A partial copy is deleted, so that it needs no journal and no syncs.
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

/// Takes the copy out of WAL mode and checks it; returns the number of jobs.
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
