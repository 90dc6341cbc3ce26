//! Opens the state database: settings, version, and which files are refused.
//!
//! Locking: WAL mode, one daemon (see [`super::lock`]) and short writes by commands. Compatibility: `PRAGMA
//! user_version` is the version. A newer version is refused and not changed; no older version exists yet. File
//! systems: WAL needs shared memory, so that the database must be on a local disk. The folders of manifests and
//! results may be elsewhere.

use std::{fs, io, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{LockError, StoreError, lock::DatabaseLock};
use crate::failpoint;

/// The schema of [`VERSION`].
pub(super) const SCHEMA: &str = include_str!("../../schema.sql");

/// The version that this program writes. A later program updates older versions in `prepare`, in the same
/// transaction.
pub const VERSION: i64 = 1;

/// Identifies SQLite databases of lipsyncd: "lsd1". Drafts before version 1 had another id.
const APPLICATION_ID: i64 = 0x6C73_6431;

/// Counts tables, except those of Litestream, which may create its own before ours exist.
const TABLES: &str = "SELECT count(*) FROM sqlite_schema WHERE name NOT GLOB '_litestream_*'";

/// How long to wait for another writing process before the database counts as locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A larger database is not checked at a start, because that would take long.
const HEALTH_CHECK_BYTES_MAX: u64 = 32 << 20;

/// The page cache of a connection in KiB: enough for the index pages of one manifest among a million jobs. Memory
/// mapping is off, because mapped pages would count as memory of the daemon.
const CACHE_KIB: i64 = 8 << 10;

/// The number of 4 KiB pages in the WAL that starts a checkpoint. A larger WAL writes fewer pages into the database,
/// and takes longer to recover after a crash.
const LOG_PAGES: i64 = 4_000;

/// The WAL is truncated to this size after a large transaction.
const LOG_BYTES_MAX: i64 = 64 << 20;

/// Opens the database for writing, and creates it if needed.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    make_folder(path)?;
    refuse_folder(path)?;
    refuse_lost_database(path)?;
    let mut connection = Connection::open(path)?;
    prepare(&mut connection, path).map_err(|error| error.with_path(path))?;
    Ok(connection)
}

/// Takes the lock that only one daemon can have. Keep it until all connections of this process are closed.
pub(super) fn take_alone(path: &Path) -> Result<DatabaseLock, StoreError> {
    make_folder(path)?;
    refuse_lost_database(path)?;
    DatabaseLock::take(path).map_err(|error| match error {
        LockError::Io { path, source } => StoreError::Io { path, source },
        held => held.into(),
    })
}

/// Refuses a folder, for which SQLite would report "disk I/O error".
fn refuse_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        let source = io::ErrorKind::IsADirectory.into();
        return Err(StoreError::Io { path: path.to_owned(), source });
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    fs::create_dir_all(folder).map_err(|source| StoreError::Io { path: folder.to_owned(), source })
}

/// Opens the database read-only, which works for unprivileged readers, too.
pub fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let (connection, version) = open_for_reading(path)?;
    if version < VERSION {
        return Err(StoreError::Older { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(connection)
}

/// Does the same for a database of any version up to this one.
pub(super) fn open_reader_of_any_version(path: &Path) -> Result<Connection, StoreError> {
    match open_for_reading(path)? {
        // An empty file has no owner yet.
        (_, 0) => Err(StoreError::Foreign { path: path.to_owned() }),
        (connection, _) => Ok(connection),
    }
}

fn open_for_reading(path: &Path) -> Result<(Connection, i64), StoreError> {
    refuse_folder(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    match settle_reader(&connection, path) {
        Ok(version) => Ok((connection, version)),
        Err(error) => Err(error.with_path(path)),
    }
}

fn settle_reader(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_plans(connection)?;
    check_owner(connection, path)
}

fn prepare(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let version = check_owner(connection, path)?;
    if connection.is_readonly("main")? {
        // SQLite opens a file without write permission silently, and each write would be tried for ever.
        let source = io::ErrorKind::PermissionDenied.into();
        return Err(StoreError::Io { path: path.to_owned(), source });
    }
    check_health(connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    // The WAL stays when the daemon ends, because a reader without write permission cannot create one.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    keep_plans(connection)?;
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if version == 0 {
        // Another process may have created the tables since the version was read.
        let tables: i64 = transaction.query_row(TABLES, [], |row| row.get(0))?;
        if tables == 0 {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
    }
    failpoint::before("store.make");
    transaction.commit()?;
    failpoint::after("store.make");
    Ok(())
}

/// Compiles each statement once, also if a bound value might suggest another plan.
fn keep_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Returns the version of a database of lipsyncd; 0: it is empty.
fn check_owner(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    // In one transaction, because another process may be creating the database.
    let moment = connection.unchecked_transaction()?;
    let tables: i64 = moment.query_row(TABLES, [], |row| row.get(0))?;
    let pragma = |name: &str| moment.pragma_query_value(None, name, |row| row.get(0));
    let version: i64 = pragma("user_version")?;
    let owner: i64 = pragma("application_id")?;
    moment.commit()?;
    if tables == 0 && version == 0 {
        return Ok(0);
    }
    if owner != APPLICATION_ID {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    if version > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(version)
}

/// Checks a small database for damage before the first write. In a large one, damage shows when SQLite reads it.
fn check_health(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    if fs::metadata(path).is_ok_and(|file| file.len() > HEALTH_CHECK_BYTES_MAX) {
        return Ok(());
    }
    let health: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if health == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged { path: path.to_owned(), what: health })
}

/// Refuses a WAL without its database, or with an empty one: the database file was lost. An empty database would
/// pay again for jobs already created at Kling.
fn refuse_lost_database(path: &Path) -> Result<(), StoreError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let empty = fs::metadata(path).map_or(true, |file| file.len() == 0);
    if empty && fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        let what = "its -wal file exists, but the database itself is missing or empty".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), what });
    }
    Ok(())
}
