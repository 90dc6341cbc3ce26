//! The rows of `manifest`.

use rusqlite::Connection;

use super::{
    Store, StoreError,
    sql::{Sql as _, columns},
};

/// A manifest as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// Under `jobs_dir`, parts joined by `/`.
    pub path: String,
    /// Size and times of what was read.
    pub file_stamp: String,
    /// Whether it was refused, for its own errors or for a conflict with another manifest.
    pub refused: bool,
}

impl Store {
    /// Returns every manifest that was in the folder at the last scan, by path.
    pub async fn stored_manifests(&self) -> Result<Vec<StoredManifest>, StoreError> {
        self.read(|connection| {
            connection.all(
                "SELECT path, file_stamp, state = 'refused' AS refused FROM manifest
                 WHERE removed_at_ms IS NULL ORDER BY path",
                (),
                |row| columns!(row => StoredManifest: path file_stamp refused),
            )
        })
        .await
    }
}

/// Writes that a manifest was read, and its errors if it has any; returns its row.
pub(super) fn enter(
    connection: &Connection,
    path: &str,
    file_stamp: &str,
    error: Option<&str>,
    now_ms: i64,
) -> Result<i64, StoreError> {
    let state = if error.is_some() { "refused" } else { "accepted" };
    connection.value(
        "INSERT INTO manifest (path, state, error, file_stamp, seen_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (path) DO UPDATE SET state = excluded.state, error = excluded.error,
           file_stamp = excluded.file_stamp, seen_at_ms = excluded.seen_at_ms, removed_at_ms = NULL
         RETURNING id",
        (path, state, error, file_stamp, now_ms),
    )
}

pub(super) fn row_of(connection: &Connection, path: &str) -> Result<Option<i64>, StoreError> {
    connection.first("SELECT id FROM manifest WHERE path = ?1", [path], |row| row.get(0))
}
