//! How far manifests are, for a page of them. The counters of the table are read, and never all jobs.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Row, named_params};

use super::{
    Reader, SelectedJobs, StoreError, TasksLeft,
    price::used_audio_ms,
    select::json_list,
    sql::{Sql as _, columns},
};
use crate::job::{Cost, Length, State};

/// How far a manifest is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ManifestProgress {
    pub path: String,
    /// Its errors; none: it is accepted.
    pub error: Option<String>,
    pub jobs: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub cancelled: i64,
    pub unresolved: i64,
}

/// What the tasks of a manifest cost so far, and the lengths of those that Kling has not charged yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ManifestCost {
    pub spent: Cost,
    pub left: TasksLeft,
}

/// Jobs in progress are few. They name the manifests in which something happens.
const IN_PROGRESS_MAX: i64 = 2_000;

/// The states of jobs in progress, the nearest to the end first.
const IN_PROGRESS: [State; 8] = [
    State::Downloading,
    State::Processing,
    State::Submitted,
    State::Creating,
    State::Unresolved,
    State::Identified,
    State::Queued,
    State::Waiting,
];

const COLUMNS: &str =
    "m.path, m.error, m.jobs, m.succeeded, m.failed, m.cancelled, m.unresolved FROM";

pub(super) const OF_STATE: &str = "
    SELECT manifest_id FROM job INDEXED BY job_state WHERE state = ?1 LIMIT ?2";

const PAGE: &str =
    "manifest m WHERE m.path > :after AND (m.removed_at_ms IS NULL OR m.jobs > m.cancelled)
    ORDER BY m.path LIMIT :limit";

pub(super) const COSTS: &str = concat!(
    "SELECT ",
    used_audio_ms!(),
    ", video_ms, state, min(units_micro, 1000000000000000), min(money_micro, 1000000000000000),
      coalesce(video_sha256 || ' ' || coalesce(video_url, ''), video)
    FROM task INDEXED BY task_lead WHERE lead_job IN (
      SELECT id FROM job INDEXED BY job_manifest WHERE manifest_id = (SELECT id FROM manifest WHERE path = :path))"
);

pub(super) const MANIFESTS_OF: &str = "
    SELECT DISTINCT j.manifest_id FROM json_each(?1) asked CROSS JOIN job j ON j.id = asked.value";

impl Reader {
    /// Returns up to `limit` manifests with jobs in progress.
    pub fn manifests_in_progress(&self, limit: usize) -> Result<Vec<ManifestProgress>, StoreError> {
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        for state in IN_PROGRESS {
            let ids: Vec<i64> =
                self.connection.all(OF_STATE, (state, IN_PROGRESS_MAX), |row| row.get(0))?;
            for id in ids.into_iter().filter(|id| seen.insert(*id)) {
                if found.len() >= limit {
                    return Ok(found);
                }
                let sql = format!("SELECT {COLUMNS} manifest m WHERE m.id = ?1");
                found.extend(self.connection.first(&sql, [id], progress)?);
            }
        }
        Ok(found)
    }

    /// Returns up to `limit` manifests after this path, in the order of their paths.
    pub fn manifest_page(
        &self,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ManifestProgress>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = format!("SELECT {COLUMNS} {PAGE}");
        self.connection.all(&sql, named_params! { ":after": after, ":limit": limit }, progress)
    }

    /// Returns the paths of the manifests of the selected jobs.
    pub fn manifests_of(&self, jobs: &SelectedJobs) -> Result<HashSet<String>, StoreError> {
        let mut found = HashSet::new();
        self.each_selected(jobs, 1_000, |ids| {
            let ids: Vec<i64> =
                self.connection.all(MANIFESTS_OF, [json_list(ids)], |row| row.get(0))?;
            found.extend(ids);
            Ok::<_, StoreError>(())
        })?;
        let path = "SELECT path FROM manifest WHERE id = ?1";
        found.into_iter().map(|id| self.connection.value(path, [id])).collect()
    }

    /// Returns the manifest of this path, if it was ever read.
    pub fn manifest_progress(&self, path: &str) -> Result<Option<ManifestProgress>, StoreError> {
        let sql = format!("SELECT {COLUMNS} manifest m WHERE m.path = ?1");
        self.connection.first(&sql, [path], progress)
    }

    /// Reads what a manifest costs; reads all of its jobs.
    pub fn manifest_cost(&self, path: &str) -> Result<ManifestCost, StoreError> {
        let (mut cost, mut videos) = (ManifestCost::default(), HashSet::new());
        let mut by_length = BTreeMap::new();
        let mut statement = self.connection.prepare_cached(COSTS)?;
        let mut rows = statement.query(named_params! { ":path": path })?;
        while let Some(row) = rows.next()? {
            let state: State = row.get(2)?;
            let charged = Cost { units_micro: row.get(3)?, money_micro: row.get(4)? };
            cost.spent = cost.spent.plus(charged);
            if state.is_finished() || matches!(state, State::Downloading | State::Unresolved) {
                continue;
            }
            *by_length.entry(Length::of_ms(row.get(0)?, row.get(1)?)).or_default() += 1;
            if matches!(state, State::Waiting | State::Queued) {
                videos.insert(row.get::<_, String>(5)?);
            }
        }
        cost.left.by_length = by_length;
        cost.left.videos = i64::try_from(videos.len()).unwrap_or(i64::MAX);
        Ok(cost)
    }
}

fn progress(row: &Row<'_>) -> rusqlite::Result<ManifestProgress> {
    columns!(row => ManifestProgress: path error jobs succeeded failed cancelled unresolved)
}
