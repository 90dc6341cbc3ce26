//! Failed jobs by code and reason: of a selection, or of the newest, which is fast with any number.

use std::collections::BTreeMap;

use rusqlite::Row;

use super::{
    Reader, SelectedJobs, StoreError,
    select::json_list,
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
    /// Whether there may be more failed jobs than were read, or more groups.
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

/// Jobs that are read at once.
const PAGE: usize = 1_000;

pub(super) const FAILED: &str = "
    SELECT j.key, j.finished_at_ms, coalesce(j.error_code, t.error_code),
      coalesce(j.error_reason, t.error_reason, j.error, t.error)
    FROM json_each(?1) asked CROSS JOIN job j ON j.id = asked.value LEFT JOIN task t ON t.id = j.task_row
    WHERE j.state = 'failed'";

/// Code and reason of a group.
type GroupKey = (Option<String>, Option<String>);

/// The groups of selected failed jobs, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SelectedFailures {
    pub groups: Vec<FailedGroup>,
    /// How many jobs are in none of the groups, because there are too many groups.
    pub other_jobs: i64,
}

impl Reader {
    /// Returns the groups of the selected failed jobs. Further groups than `groups` are only counted.
    pub fn selected_failures(
        &self,
        jobs: &SelectedJobs,
        groups: usize,
    ) -> Result<SelectedFailures, StoreError> {
        let (mut found, mut other_jobs): (BTreeMap<GroupKey, FailedGroup>, i64) =
            (BTreeMap::new(), 0);
        self.each_selected(jobs, PAGE, |ids| {
            let failed: Vec<(String, i64, Option<String>, Option<String>)> =
                self.connection.all(FAILED, [json_list(ids)], |row| row.try_into())?;
            for (key, at_ms, code, reason) in failed {
                let group = (code, reason);
                if let Some(group) = found.get_mut(&group) {
                    group.add(&key, at_ms);
                } else if found.len() < groups {
                    let (error_code, reason) = group.clone();
                    let first = FailedGroup {
                        error_code,
                        reason,
                        jobs: 1,
                        first_at_ms: at_ms,
                        last_at_ms: at_ms,
                        example_key: key,
                    };
                    found.insert(group, first);
                } else {
                    other_jobs += 1;
                }
            }
            Ok::<_, StoreError>(())
        })?;
        let mut groups: Vec<FailedGroup> = found.into_values().collect();
        groups.sort_by_key(|group| -group.jobs);
        Ok(SelectedFailures { groups, other_jobs })
    }

    /// Returns the API's id of the last request that was answered for this job.
    pub fn last_request_id(&self, key: &str) -> Result<Option<String>, StoreError> {
        let sql = "
            SELECT request_id FROM event WHERE id = (SELECT max(id) FROM event
              WHERE job_id = (SELECT id FROM job WHERE key = ?1) AND request_id IS NOT NULL)";
        self.connection.first(sql, [key], |row| row.get(0))
    }

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

impl FailedGroup {
    fn add(&mut self, key: &str, at_ms: i64) {
        self.jobs += 1;
        self.first_at_ms = self.first_at_ms.min(at_ms);
        self.last_at_ms = self.last_at_ms.max(at_ms);
        if key < self.example_key.as_str() {
            self.example_key = key.to_owned();
        }
    }
}

fn group(row: &Row<'_>) -> rusqlite::Result<FailedGroup> {
    columns!(row => FailedGroup: error_code reason jobs first_at_ms last_at_ms example_key)
}
