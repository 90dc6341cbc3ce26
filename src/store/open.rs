//! Opening the state database: its settings, its version, and what is refused.
//!
//! Locking: WAL mode, one writing process (see [`super::lock`]) beside short writes of commands.
//! Compatibility: `PRAGMA user_version` is the version. A newer one is refused untouched; an older one does not
//! exist yet. Filesystems: WAL needs shared memory, so the database must be on a local disk; the folders of
//! manifests and results need not.

use std::{fs, io, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{LockError, StoreError, lock::DatabaseLock};
use crate::failpoint;

/// The schema of [`VERSION`].
pub(super) const SCHEMA: &str = include_str!("../../schema.sql");

/// The version that this program writes: the first. A later program brings it up to date in `prepare`, in the same
/// transaction.
pub const VERSION: i64 = 1;

/// Identifies SQLite databases of lipsyncd: "lsd1". The drafts before version 1 had another.
const APPLICATION_ID: i64 = 0x6C73_6431;

/// Whether there is anything but what Litestream keeps of its own: it may look in as the database is made.
const TABLES: &str = "SELECT count(*) FROM sqlite_schema WHERE name NOT GLOB '_litestream_*'";

/// How long to wait for another process that writes before it counts as trouble.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Up to this size a database is checked whole at every start; beyond it a start would take long.
const HEALTH_CHECK_BYTES_MAX: u64 = 32 << 20;

/// The pages that a connection keeps in memory, in KiB: enough for one manifest's share of the indexes
/// of a million jobs. Nothing is mapped into memory, which would count as the daemon's.
const CACHE_KIB: i64 = 12 << 10;

/// So many pages of 4 KiB the log holds before they go where they belong. Of a page that is written
/// often only the last state does, and so much is looked through after a crash.
const LOG_PAGES: i64 = 4_000;

/// A log that one large transaction made longer is cut back to this.
const LOG_BYTES_MAX: i64 = 64 << 20;

/// Opens the database for writing; makes it if it is not there.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    make_folder(path)?;
    refuse_a_folder(path)?;
    refuse_a_lost_database(path)?;
    let mut connection = Connection::open(path)?;
    prepare(&mut connection, path).map_err(|error| error.told_of(path))?;
    Ok(connection)
}

/// Makes sure that nobody else works on the database as a daemon, for as long as what is returned is
/// kept: until all connections of this process are closed.
pub(super) fn take_alone(path: &Path) -> Result<DatabaseLock, StoreError> {
    make_folder(path)?;
    refuse_a_lost_database(path)?;
    DatabaseLock::take(path).map_err(|error| match error {
        LockError::Io { path, source } => StoreError::Io { path, source },
        held => held.into(),
    })
}

/// SQLite would say "disk I/O error".
fn refuse_a_folder(path: &Path) -> Result<(), StoreError> {
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

/// Opens the database for reading alone, by an unprivileged reader too.
///
/// # Errors
/// When it is not there, cannot be read, is damaged, or of a newer version.
pub fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let (connection, version) = open_for_reading(path)?;
    if version < VERSION {
        return Err(StoreError::Older { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(connection)
}

/// The same, but an older version will do: for what is asked of every version alike.
pub(super) fn open_reader_of_any_version(path: &Path) -> Result<Connection, StoreError> {
    match open_for_reading(path)? {
        // A file of no bytes: nobody's yet.
        (_, 0) => Err(StoreError::Foreign { path: path.to_owned() }),
        (connection, _) => Ok(connection),
    }
}

fn open_for_reading(path: &Path) -> Result<(Connection, i64), StoreError> {
    refuse_a_folder(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    match settle_reader(&connection, path) {
        Ok(version) => Ok((connection, version)),
        Err(error) => Err(error.told_of(path)),
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
        // SQLite opens what it may only read without a word; each write would be tried for ever.
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
    // The WAL stays when the daemon ends: a reader who may not write cannot make one.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    keep_plans(connection)?;
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if version == 0 {
        // Another process may have made it since the version was read.
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

/// Statements are compiled once: not anew, either, when a value that is bound to one might call for
/// another plan.
fn keep_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Returns the version of a database of ours, 0 for an empty one.
fn check_owner(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    // At one moment: another process may just be making it.
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

/// Looks for damage before the first write. Only while that takes no time to speak of: in a large
/// database damage shows when it is touched.
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

/// A log without its database, or a database of no bytes beside one, is what a lost file leaves: to
/// begin anew there would pay again for what was sent.
fn refuse_a_lost_database(path: &Path) -> Result<(), StoreError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let empty = fs::metadata(path).map_or(true, |file| file.len() == 0);
    if empty && fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        let what = "its -wal file is there, the database itself is missing or empty".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), what });
    }
    Ok(())
}
