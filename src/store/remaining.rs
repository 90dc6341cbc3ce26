//! What remains after `run --once`, and tasks that no job shows.

use rusqlite::Connection;

use super::{Reader, StoreError, sql::Sql as _, watermark};

/// Counts of everything that did not succeed. Jobs that are missing from the folder count only until they have
/// ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Remaining {
    pub failed: i64,
    pub waiting: i64,
    /// Unresolved jobs and tasks, which a person must decide.
    pub unresolved: i64,
    pub changed: i64,
    pub refused_manifests: i64,
    /// Jobs with a result whose watermarked copy is still fetched.
    pub watermarks: i64,
}

impl Remaining {
    /// Whether everything succeeded.
    pub fn is_empty(&self) -> bool {
        let ended = self.failed + self.changed + self.refused_manifests;
        ended + self.waiting + self.unresolved + self.watermarks == 0
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
        let superseded = superseded(&self.connection)?.tasks;
        let watermarks = watermark::missing(&self.connection)?.jobs;
        let counts = self.connection.row(REMAINING, (), |row| {
            Ok(Remaining {
                failed: row.get(0)?,
                waiting: row.get(1)?,
                unresolved: row.get::<_, i64>(2)? + superseded,
                changed: row.get(3)?,
                refused_manifests: row.get(4)?,
                watermarks,
            })
        })?;
        Ok(counts)
    }
}

/// Unresolved tasks that no job points to: the lead job asks for something else now. A person can decide them only
/// through the lead job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SupersededTasks {
    pub tasks: i64,
    /// The keys of the lead jobs of the first such tasks.
    pub jobs: Vec<String>,
}

const NAMED_MAX: i64 = 5;

pub(super) const SUPERSEDED: &str = "
    SELECT count(*) FROM task INDEXED BY task_state
    WHERE state = 'unresolved' AND NOT EXISTS (SELECT 1 FROM job WHERE task_row = task.id)";

pub(super) const SUPERSEDED_KEYS: &str = "
    SELECT j.key FROM task t INDEXED BY task_state JOIN job j ON j.id = t.lead_job
    WHERE t.state = 'unresolved' AND NOT EXISTS (SELECT 1 FROM job WHERE task_row = t.id)
    ORDER BY t.id LIMIT ?1";

impl Reader {
    /// Returns the unresolved tasks that no job points to.
    pub fn superseded(&self) -> Result<SupersededTasks, StoreError> {
        superseded(&self.connection)
    }
}

pub(super) fn superseded(connection: &Connection) -> Result<SupersededTasks, StoreError> {
    let tasks = connection.value(SUPERSEDED, ())?;
    let keys = connection.all(SUPERSEDED_KEYS, [NAMED_MAX], |row| row.get(0))?;
    let mut jobs: Vec<String> = keys;
    // One job may lead several of these tasks.
    let mut named = std::collections::HashSet::new();
    jobs.retain(|key| named.insert(key.clone()));
    Ok(SupersededTasks { tasks, jobs })
}
