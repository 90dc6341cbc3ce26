//! What a run that came to its end leaves undone.

use super::{Reader, StoreError};

/// Counts of what did not succeed. Jobs whose manifest left the folder count only while they are not
/// finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOver {
    /// Jobs that failed.
    pub failed: i64,
    /// Jobs that wait, for whatever it is.
    pub waiting: i64,
    /// Jobs that a person must decide.
    pub unresolved: i64,
    /// Manifests with faults.
    pub refused_manifests: i64,
}

impl LeftOver {
    /// Whether all succeeded.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.failed + self.waiting + self.unresolved + self.refused_manifests == 0
    }
}

/// Walks what failed, not what is queued.
pub(super) const LEFT: &str = "
    SELECT
      (SELECT count(*) FROM job j INDEXED BY job_state JOIN manifest m ON m.id = j.manifest_id
       WHERE j.state = 'failed' AND m.removed_at_ms IS NULL),
      (SELECT sum(jobs) FROM state WHERE name NOT IN ('succeeded', 'failed', 'cancelled', 'unresolved')),
      (SELECT jobs FROM state WHERE name = 'unresolved'),
      manifests_refused
    FROM line";

impl Reader {
    /// Counts what did not succeed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn left_over(&self) -> Result<LeftOver, StoreError> {
        let counts = self.connection.prepare_cached(LEFT)?.query_row([], |row| {
            Ok(LeftOver {
                failed: row.get(0)?,
                waiting: row.get(1)?,
                unresolved: row.get(2)?,
                refused_manifests: row.get(3)?,
            })
        })?;
        Ok(counts)
    }
}
