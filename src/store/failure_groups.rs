//! Failed jobs by code and reason, for a page of them: of the newest, so that it is fast with any number.

use rusqlite::Row;

use super::{
    Reader, StoreError,
    sql::{Sql as _, columns},
};

/// Failed jobs of one code and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct FailedGroup {
    pub error_code: Option<String>,
    /// Without ids and long numbers.
    pub reason: Option<String>,
    pub jobs: i64,
    pub first_at_ms: i64,
    pub last_at_ms: i64,
    pub example_key: String,
}

/// The groups of the newest failed jobs, the largest first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct NewestFailures {
    pub groups: Vec<FailedGroup>,
    /// Whether there are more failed jobs than were read.
    pub has_more: bool,
}

pub(super) const GROUPS: &str = "
    SELECT error_code, reason, count(*) AS jobs, min(finished_at_ms) AS first_at_ms, max(finished_at_ms) AS last_at_ms,
      min(key) AS example_key
    FROM (
      SELECT j.key, j.finished_at_ms, coalesce(j.error_code, t.error_code) AS error_code,
        coalesce(j.error_reason, t.error_reason, j.error, t.error) AS reason
      FROM job j INDEXED BY job_state LEFT JOIN task t ON t.id = j.task_row
      WHERE j.state = 'failed' AND j.dismissed = 0 ORDER BY j.id DESC LIMIT ?1)
    GROUP BY 1, 2 ORDER BY 3 DESC, 2 LIMIT ?2";

impl Reader {
    /// Returns the groups of the newest `newest` failed jobs that nobody dismissed, at most `groups` of them.
    pub fn newest_failures(
        &self,
        newest: usize,
        groups: usize,
    ) -> Result<NewestFailures, StoreError> {
        let [newest, limit] =
            [newest, groups].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let found: Vec<FailedGroup> = self.connection.all(GROUPS, (newest, limit), group)?;
        let jobs: i64 = found.iter().map(|group| group.jobs).sum();
        Ok(NewestFailures { has_more: jobs >= newest || found.len() >= groups, groups: found })
    }
}

fn group(row: &Row<'_>) -> rusqlite::Result<FailedGroup> {
    columns!(row => FailedGroup: error_code reason jobs first_at_ms last_at_ms example_key)
}
