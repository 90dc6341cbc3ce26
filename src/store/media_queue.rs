//! Jobs whose local media are to be looked at: those that wait for them, and all others now and then.

use super::{Store, StoreError, job_row, job_row::JobRow};
use crate::job::Job;

/// Which jobs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaScope {
    /// Those that wait for their media.
    Waiting,
    /// Those that failed after their request changed: the changed request runs.
    FailedChanged,
    /// All that have local media, finished or not.
    All,
}

pub(super) const WAITING: &str = "INDEXED BY job_state
    WHERE j.state = 'waiting' AND j.task_row IS NULL AND j.id > ?1 AND j.absent_since_ms IS NULL
      AND EXISTS (SELECT 1 FROM manifest WHERE id = j.manifest_id AND state = 'accepted' AND removed_at_ms IS NULL)
    ORDER BY j.id LIMIT ?2";
pub(super) const FAILED_CHANGED: &str = "INDEXED BY job_changed
    WHERE j.changed_after_sent = 1 AND j.state = 'failed' AND j.id > ?1 AND j.absent_since_ms IS NULL
      AND EXISTS (SELECT 1 FROM manifest WHERE id = j.manifest_id AND state = 'accepted' AND removed_at_ms IS NULL)
    ORDER BY j.id LIMIT ?2";
pub(super) const LOCAL: &str = "INDEXED BY job_local
    WHERE (j.audio_kind = 'file' OR j.video_kind = 'file') AND j.id > ?1 AND j.absent_since_ms IS NULL
      AND j.state <> 'cancelled'
      AND EXISTS (SELECT 1 FROM manifest WHERE id = j.manifest_id AND state = 'accepted' AND removed_at_ms IS NULL)
    ORDER BY j.id LIMIT ?2";

impl Store {
    /// Returns up to `limit` jobs behind row `after` whose media are to be looked at, with the path of their
    /// manifest. Jobs of manifests with errors, and jobs that are missing from the folder, are left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn media_to_check(
        &self,
        scope: MediaScope,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(Job, String)>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let condition = match scope {
            MediaScope::Waiting => WAITING,
            MediaScope::FailedChanged => FAILED_CHANGED,
            MediaScope::All => LOCAL,
        };
        self.read(move |connection| {
            let rows = job_row::all(connection, condition, (after, limit))?;
            let mut path = connection.prepare_cached("SELECT path FROM manifest WHERE id = ?1")?;
            rows.into_iter()
                .map(|JobRow { job, manifest_id }| {
                    Ok((job, path.query_row([manifest_id], |row| row.get(0))?))
                })
                .collect()
        })
        .await
    }
}
