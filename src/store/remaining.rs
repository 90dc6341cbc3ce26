//! What remains after `run --once`.

use super::{Reader, StoreError, sql::Sql as _, superseded};

/// Counts of everything that did not succeed. Jobs that are missing from the folder count only until they have
/// ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Remaining {
    pub failed: i64,
    pub waiting: i64,
    /// Unresolved jobs and tasks, which a person must decide.
    pub unresolved: i64,
    /// Jobs whose request changed after their task was created.
    pub changed: i64,
    pub refused_manifests: i64,
}

impl Remaining {
    /// Whether everything succeeded.
    pub fn is_empty(&self) -> bool {
        self.failed + self.waiting + self.unresolved + self.changed + self.refused_manifests == 0
    }
}

/// Reads failed jobs, not queued ones.
pub(super) const REMAINING: &str = "
    SELECT
      (SELECT count(*) FROM job INDEXED BY job_state
       WHERE state = 'failed' AND absent_since_ms IS NULL AND dismissed = 0),
      (SELECT sum(jobs) FROM state WHERE name NOT IN ('succeeded', 'failed', 'cancelled', 'unresolved')),
      (SELECT jobs FROM state WHERE name = 'unresolved'),
      (SELECT count(*) FROM job INDEXED BY job_changed
       WHERE changed_after_sent = 1 AND absent_since_ms IS NULL),
      manifests_refused
    FROM daemon_state";

impl Reader {
    /// Counts everything that did not succeed.
    pub fn remaining(&self) -> Result<Remaining, StoreError> {
        // No job shows these tasks, and each may be paid.
        let superseded = superseded::read(&self.connection)?.tasks;
        let counts = self.connection.row(REMAINING, (), |row| {
            Ok(Remaining {
                failed: row.get(0)?,
                waiting: row.get(1)?,
                unresolved: row.get::<_, i64>(2)? + superseded,
                changed: row.get(3)?,
                refused_manifests: row.get(4)?,
            })
        })?;
        Ok(counts)
    }
}
