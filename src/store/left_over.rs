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

impl Reader {
    /// Counts what did not succeed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn left_over(&self) -> Result<LeftOver, StoreError> {
        let mut jobs = self.connection.prepare_cached(
            "SELECT
               count(*) FILTER (WHERE j.state = 'failed' AND m.removed_at_ms IS NULL),
               count(*) FILTER (WHERE j.state NOT IN ('succeeded', 'failed', 'cancelled', 'unresolved')),
               count(*) FILTER (WHERE j.state = 'unresolved')
             FROM job j JOIN manifest m ON m.id = j.manifest_id",
        )?;
        let mut refused = self.connection.prepare_cached(
            "SELECT count(*) FROM manifest WHERE state = 'refused' AND removed_at_ms IS NULL",
        )?;
        let (failed, waiting, unresolved) =
            jobs.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let refused_manifests = refused.query_row([], |row| row.get(0))?;
        Ok(LeftOver { failed, waiting, unresolved, refused_manifests })
    }
}
