//! The account's tasks that an unresolved job could be, for the person who decides.

use rusqlite::{Connection, Row};

use super::{Reader, Store, StoreError};
use crate::job::JobId;

/// A task that an unresolved job could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The API's name for it.
    pub task_id: String,
    /// Where it stands, as the API spells it.
    pub status: String,
    /// The address or id of its video, as the API tells it.
    pub video: Option<String>,
    /// When (Unix ms) it was created, by the API's clock.
    pub created_at_ms: Option<i64>,
}

impl Store {
    /// Keeps which tasks an unresolved job could be, instead of those that were kept before.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_candidates(
        &self,
        job_id: JobId,
        candidates: Vec<Candidate>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            forget(connection, job_id)?;
            for candidate in &candidates {
                connection
                    .prepare_cached(
                        // A person may have decided meanwhile.
                        "INSERT INTO candidate (job_id, task_id, status, video, created_at_ms)
                         SELECT id, ?2, ?3, ?4, ?5 FROM job WHERE id = ?1 AND state = 'unresolved'
                         ON CONFLICT DO NOTHING",
                    )?
                    .execute((
                        job_id,
                        &candidate.task_id,
                        &candidate.status,
                        &candidate.video,
                        candidate.created_at_ms,
                    ))?;
            }
            Ok(())
        })
        .await
    }
}

impl Reader {
    /// Returns the tasks that a job could be, the oldest first; none of a job that is not unresolved.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn candidates(&self, job_id: JobId) -> Result<Vec<Candidate>, StoreError> {
        let sql = "SELECT task_id, status, video, created_at_ms FROM candidate WHERE job_id = ?1
                   ORDER BY created_at_ms, task_id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let candidates = statement.query_map([job_id], from_row)?;
        Ok(candidates.collect::<Result<_, _>>()?)
    }
}

/// The job is unresolved no more, or its candidates are read anew.
pub(super) fn forget(connection: &Connection, job_id: JobId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM candidate WHERE job_id = ?1")?.execute([job_id])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        task_id: row.get("task_id")?,
        status: row.get("status")?,
        video: row.get("video")?,
        created_at_ms: row.get("created_at_ms")?,
    })
}
