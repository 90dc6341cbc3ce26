//! Uploads of local videos: how far those in progress are, and why none can be made.

use rusqlite::Connection;

use super::{Store, StoreError, sql::Sql as _};

/// How long a row of a video that the bucket has is kept: as long as the bucket is not asked again.
const STORED_MS: i64 = 60 * 60 * 1_000;

/// The uploads at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadStatus {
    /// Uploads in progress.
    pub running: i64,
    /// How many bytes of them are sent.
    pub sent_bytes: i64,
    /// How many bytes they have.
    pub bytes: i64,
    /// Why the bucket takes no videos, and since when; none: it does.
    pub problem: Option<UploadProblem>,
}

/// A problem of the bucket that holds all uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct UploadProblem {
    pub reason: String,
    pub since_ms: i64,
}

impl Store {
    /// Writes how much of a video is sent.
    pub async fn set_upload(
        &self,
        sha256: &str,
        sent_bytes: u64,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let row = (sha256.to_owned(), number(sent_bytes), number(bytes));
        let sql = "
            INSERT INTO upload (video_sha256, sent_bytes, bytes) VALUES (?1, ?2, ?3)
            ON CONFLICT (video_sha256) DO UPDATE SET sent_bytes = ?2, bytes = ?3, stored_at_ms = NULL";
        self.run(sql, row).await
    }

    /// Writes that the bucket has a video since `now_ms` (Unix time), and deletes what was written long before.
    pub async fn set_stored(&self, sha256: &str, now_ms: i64) -> Result<(), StoreError> {
        let sql = "
            INSERT INTO upload (video_sha256, sent_bytes, bytes, stored_at_ms) VALUES (?1, 0, 0, ?2)
            ON CONFLICT (video_sha256) DO UPDATE SET stored_at_ms = ?2";
        self.run(sql, (sha256.to_owned(), now_ms)).await?;
        let sql = "DELETE FROM upload WHERE stored_at_ms < ?1";
        self.run(sql, (now_ms.saturating_sub(STORED_MS),)).await
    }

    /// Writes that the bucket is not known to have a video, and that its upload is not in progress.
    pub async fn forget_upload(&self, sha256: &str) -> Result<(), StoreError> {
        self.run("DELETE FROM upload WHERE video_sha256 = ?1", (sha256.to_owned(),)).await
    }

    /// Writes that no upload is in progress and that nothing is known of the bucket: the daemon started. `limit`: how
    /// many uploads may be in progress; none: local videos are not uploaded.
    pub async fn begin_uploads(&self, limit: Option<usize>) -> Result<(), StoreError> {
        let limit = limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        self.set_upload_problem(None, 0).await?;
        self.run("UPDATE daemon_state SET uploads_limit = ?1", (limit,)).await?;
        self.run("DELETE FROM upload", ()).await
    }

    /// Writes why the bucket takes no videos since `now_ms` (Unix time); `None`: it does.
    pub async fn set_upload_problem(
        &self,
        problem: Option<String>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "
            UPDATE daemon_state SET upload_problem = ?1,
              upload_problem_since_ms = CASE WHEN ?1 IS NULL THEN NULL ELSE coalesce(upload_problem_since_ms, ?2) END";
        self.run(sql, (problem, now_ms)).await
    }
}

pub(super) fn status(connection: &Connection) -> Result<UploadStatus, StoreError> {
    let sql = "
        SELECT count(*), coalesce(sum(sent_bytes), 0), coalesce(sum(bytes), 0) FROM upload
        WHERE stored_at_ms IS NULL";
    let (running, sent_bytes, bytes) = connection.row(sql, (), |row| row.try_into())?;
    let sql = "SELECT upload_problem, upload_problem_since_ms FROM daemon_state";
    let (reason, since_ms): (Option<String>, Option<i64>) =
        connection.row(sql, (), |row| row.try_into())?;
    let problem = reason.zip(since_ms).map(|(reason, since_ms)| UploadProblem { reason, since_ms });
    Ok(UploadStatus { running, sent_bytes, bytes, problem })
}
