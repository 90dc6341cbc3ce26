//! Two jobs may have the same output only if they make the same request.

use super::Reconciliation;
use crate::store::{Conflict, WantedJob, job_row, sharing::SharingError, sql::Sql as _};

pub(in crate::store) const OUTPUT_ASKED: &str = "
    SELECT key, request_hash, coalesce(take, 1) FROM job INDEXED BY job_output
    WHERE named_output = ?1 AND absent_since_ms IS NULL AND key <> ?2";
pub(in crate::store) const OUTPUT_OF_KEY: &str = "
    SELECT key, request_hash, coalesce(take, 1) FROM job
    WHERE key = ?1 AND named_output IS NULL AND absent_since_ms IS NULL AND key <> ?2";

pub(in crate::store) const ANY_OUTPUT: &str =
    "SELECT EXISTS (SELECT 1 FROM job INDEXED BY job_output WHERE named_output IS NOT NULL)";

impl Reconciliation<'_> {
    /// Refuses outputs that other jobs have. While all outputs are named by their keys, they differ because the keys do.
    pub(super) fn require_outputs(&self, jobs: &[WantedJob]) -> Result<(), SharingError> {
        let any: bool = self.connection.value(ANY_OUTPUT, ())?;
        let may_be_taken = |wanted: &&WantedJob| {
            any || wanted.spec.output.strip_suffix(".mp4") != Some(&wanted.spec.key)
        };
        jobs.iter().filter(may_be_taken).try_for_each(|wanted| self.require_output(wanted))
    }

    /// Refuses an output that another job has with another request or take. While the media of one job are not
    /// read, two requests count as the same if their text is the same.
    pub(in crate::store) fn require_output(&self, wanted: &WantedJob) -> Result<(), SharingError> {
        let spec = &wanted.spec;
        let take = spec.take.unwrap_or(1);
        let stem = spec.output.strip_suffix(".mp4").unwrap_or_default();
        let mut others: Vec<(String, Option<String>, u32)> = Vec::new();
        let queries = [(OUTPUT_ASKED, spec.output.as_str()), (OUTPUT_OF_KEY, stem)];
        for (sql, asked) in queries {
            if sql == OUTPUT_OF_KEY && stem == spec.key {
                continue;
            }
            let rows: Vec<_> =
                self.connection.all(sql, (asked, &spec.key), |row| row.try_into())?;
            others.extend(rows);
        }
        for (other, hash, other_take) in others {
            let is_same = match (&wanted.request_hash, hash) {
                (Some(hash), Some(other_hash)) => *hash == other_hash,
                _ => job_row::by_key(self.connection, &other)?
                    .is_some_and(|row| row.job.spec.has_same_request_text(spec)),
            };
            if other_take != take || !is_same {
                let what = format!(
                    "output {} already belongs to job {other}, which makes another request; choose \
                     another `output`",
                    spec.output
                );
                return Err(SharingError::Conflict(Conflict { key: spec.key.clone(), what }));
            }
        }
        Ok(())
    }
}
