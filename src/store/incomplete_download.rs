//! Downloads that arrived in full and are no complete video: what arrived, and how often in a row.

use rusqlite::Connection;

use super::{Store, StoreError, find, sql::Sql as _};
use crate::job::{Task, TaskId};

/// Bytes that are no complete video, as the server of the results sends them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncompleteDownload {
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    /// Number of bytes.
    pub bytes: u64,
    /// Identifies the file at the server; none where the server sends no strong one.
    pub etag: Option<String>,
    /// How often exactly these bytes arrived, in a row.
    pub times: u32,
    /// When (Unix ms) they arrived last.
    pub last_at_ms: i64,
    /// The file that is kept. It may have earlier bytes.
    pub kept: Option<KeptDownload>,
}

/// A file with an incomplete video, which lipsyncd wrote and may remove.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct KeptDownload {
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
}

impl Store {
    /// Returns what arrived of a video of a task, if that was no complete video. `video` is `result` or `watermark`.
    pub async fn incomplete_download(
        &self,
        task: TaskId,
        video: &'static str,
    ) -> Result<Option<IncompleteDownload>, StoreError> {
        self.read(move |connection| incomplete_download(connection, task, video)).await
    }

    /// Returns a task as it is now, and what arrived of its result, if that was no complete video.
    pub async fn task_to_download(
        &self,
        id: TaskId,
    ) -> Result<Option<(Task, Option<IncompleteDownload>)>, StoreError> {
        self.read(move |connection| {
            let Some(task) = find::task(connection, id)? else { return Ok(None) };
            Ok(Some((task, incomplete_download(connection, id, "result")?)))
        })
        .await
    }

    /// Writes that these bytes arrived again, or for the first time. Returns how often in a row.
    pub async fn record_incomplete_download(
        &self,
        task: TaskId,
        video: &'static str,
        arrived: IncompleteDownload,
    ) -> Result<u32, StoreError> {
        self.write(move |connection| {
            let IncompleteDownload { sha256, bytes, etag, last_at_ms, .. } = &arrived;
            let bytes = i64::try_from(*bytes).unwrap_or(i64::MAX);
            connection.run(
                "INSERT INTO incomplete_download (task_row, video, sha256, bytes, etag, times, last_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)
                 ON CONFLICT (task_row, video) DO UPDATE SET
                   times = CASE WHEN sha256 = ?3 AND bytes = ?4 THEN times + 1 ELSE 1 END,
                   sha256 = ?3, bytes = ?4, etag = ?5, last_at_ms = ?6",
                (task, video, sha256, bytes, etag, last_at_ms),
            )?;
            let sql = "SELECT times FROM incomplete_download WHERE task_row = ?1 AND video = ?2";
            connection.value(sql, (task, video))
        })
        .await
    }

    /// Writes which file is kept of an incomplete download.
    pub async fn record_kept_download(
        &self,
        task: TaskId,
        video: &'static str,
        kept: KeptDownload,
    ) -> Result<(), StoreError> {
        let KeptDownload { path, sha256, bytes } = kept;
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let sql = "UPDATE incomplete_download SET kept_path = ?3, kept_sha256 = ?4, kept_bytes = ?5
                   WHERE task_row = ?1 AND video = ?2";
        self.run(sql, (task, video, path, sha256, bytes)).await
    }

    /// Deletes what is known of an incomplete download, because the complete video has arrived.
    pub async fn forget_incomplete_download(
        &self,
        task: TaskId,
        video: &'static str,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM incomplete_download WHERE task_row = ?1 AND video = ?2";
        self.run(sql, (task, video)).await
    }
}

pub(super) fn incomplete_download(
    connection: &Connection,
    task: TaskId,
    video: &str,
) -> Result<Option<IncompleteDownload>, StoreError> {
    connection.first(
        "SELECT sha256, bytes, etag, times, last_at_ms, kept_path, kept_sha256, kept_bytes
         FROM incomplete_download WHERE task_row = ?1 AND video = ?2",
        (task, video),
        |row| {
            let kept: (Option<_>, Option<_>, Option<i64>) = (row.get(5)?, row.get(6)?, row.get(7)?);
            Ok(IncompleteDownload {
                sha256: row.get(0)?,
                bytes: row.get::<_, i64>(1)?.unsigned_abs(),
                etag: row.get(2)?,
                times: row.get(3)?,
                last_at_ms: row.get(4)?,
                kept: match kept {
                    (Some(path), Some(sha256), Some(bytes)) => {
                        Some(KeptDownload { path, sha256, bytes: bytes.unsigned_abs() })
                    }
                    _ => None,
                },
            })
        },
    )
}
