//! Jobs whose local media must be checked: those that wait for their media, and all others from time to time.

use std::collections::HashMap;

use super::{Store, StoreError, job_row, job_row::JobRow, sql::Sql as _};
use crate::job::{Job, Media, State};

/// Selects the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum MediaScope {
    Waiting,
    /// Failed jobs whose request changed: the changed request runs.
    FailedChanged,
    /// Failed jobs with local media, which may have been replaced.
    FailedLocal,
    All,
}

pub(super) const WAITING: &str = "INDEXED BY job_state
    WHERE j.state = 'waiting' AND j.task_row IS NULL AND j.id > ?1 AND j.absent_since_ms IS NULL
      AND EXISTS (SELECT 1 FROM manifest WHERE id = j.manifest_id AND state = 'accepted' AND file_stamp <> ''
        AND removed_at_ms IS NULL)
    ORDER BY j.id LIMIT ?2";
pub(super) const FAILED_CHANGED: &str = "INDEXED BY job_changed
    WHERE j.changed_after_sent = 1 AND j.state = 'failed' AND j.id > ?1 AND j.absent_since_ms IS NULL
      AND EXISTS (SELECT 1 FROM manifest WHERE id = j.manifest_id AND state = 'accepted' AND file_stamp <> ''
        AND removed_at_ms IS NULL)
    ORDER BY j.id LIMIT ?2";
pub(super) const FAILED_LOCAL: &str = "INDEXED BY job_state
    WHERE j.state = 'failed' AND (j.audio_kind = 'file' OR j.video_kind = 'file') AND j.id > ?1
      AND j.absent_since_ms IS NULL
      AND EXISTS (SELECT 1 FROM manifest WHERE id = j.manifest_id AND state = 'accepted' AND file_stamp <> ''
        AND removed_at_ms IS NULL)
    ORDER BY j.id LIMIT ?2";
pub(super) const OF_MANIFEST: &str = "INDEXED BY job_manifest
    WHERE j.manifest_id = (SELECT id FROM manifest WHERE path = ?1)";
pub(super) const LOCAL: &str = "INDEXED BY job_local
    WHERE (j.audio_kind = 'file' OR j.video_kind = 'file') AND j.id > ?1 AND j.absent_since_ms IS NULL
      AND j.state <> 'cancelled'
      AND EXISTS (SELECT 1 FROM manifest WHERE id = j.manifest_id AND state = 'accepted' AND file_stamp <> ''
        AND removed_at_ms IS NULL)
    ORDER BY j.id LIMIT ?2";

/// The part of a stored job that is compared.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct StoredJob {
    pub media: Media,
    /// Digest of what decides its result; none while its media were not read.
    pub request_hash: Option<String>,
    pub succeeded: bool,
}

impl Store {
    /// Returns the jobs of these manifests, by key.
    pub async fn stored_jobs(
        &self,
        paths: Vec<String>,
    ) -> Result<HashMap<String, StoredJob>, StoreError> {
        self.read(move |connection| {
            let mut known = HashMap::new();
            for path in &paths {
                for JobRow { job, .. } in job_row::all(connection, OF_MANIFEST, [path])? {
                    let succeeded = job.state == State::Succeeded;
                    let Job { media, request_hash, spec, .. } = job;
                    known.insert(spec.key, StoredJob { media, request_hash, succeeded });
                }
            }
            Ok(known)
        })
        .await
    }

    /// Returns up to `limit` jobs after row `after` whose media must be checked, with the path of their manifest. Jobs of
    /// manifests with errors, of manifests that must be read again, and missing jobs are left out.
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
            MediaScope::FailedLocal => FAILED_LOCAL,
            MediaScope::All => LOCAL,
        };
        self.read(move |connection| {
            let rows = job_row::all(connection, condition, (after, limit))?;
            rows.into_iter()
                .map(|JobRow { job, manifest_id }| {
                    Ok((
                        job,
                        connection
                            .value("SELECT path FROM manifest WHERE id = ?1", [manifest_id])?,
                    ))
                })
                .collect()
        })
        .await
    }
}
