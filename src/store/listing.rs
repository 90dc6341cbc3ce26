//! Jobs for people: rows of the view `job_overview`, and one job with its history.
//!
//! Long lists are read in pages, so that memory and the WAL do not grow with them.

use rusqlite::{Row, named_params};
use serde::Serialize;

use super::{
    JobState, Reader, StoreError, job_row,
    sql::{Sql as _, columns},
};
use crate::job::State;

/// A row of the view `job_overview`; times are UTC in ISO 8601.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct JobOverview {
    pub key: String,
    pub manifest: String,
    /// The state of its task, until its own file is delivered.
    pub state: State,
    pub state_since: String,
    /// Why it waits; none: it has ended.
    pub waiting_for: Option<String>,
    pub video: String,
    pub audio: String,
    /// Its labels, as `name=value, …`.
    pub labels: Option<String>,
    pub attempt: u32,
    pub task_id: Option<String>,
    /// The name of its task at Kling; none: it has no task yet.
    pub external_task_id: Option<String>,
    /// Keys of jobs that share its task.
    pub shares_task_with: Option<String>,
    /// The units of its tasks, counted at the lead job.
    pub units: f64,
    /// The same in money, for accounts that pay from a balance.
    pub money: Option<f64>,
    pub output: String,
    /// Its result is delivered, and the watermarked copy is not: why, or a note that Kling no longer has the copy.
    pub watermark_missing: Option<String>,
    pub error_code: Option<String>,
    pub error: Option<String>,
    /// The API's id of the last request that was answered for it.
    pub request_id: Option<String>,
    pub changed_after_sent: bool,
    pub dismissed: bool,
    pub priority: i32,
    pub created_at: String,
    pub updated_at: String,
    pub finished_at: Option<String>,
}

/// A row of the view `job_history`; times are UTC in ISO 8601.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct HistoryEntry {
    pub at: String,
    /// The state before; none: the job is new.
    pub from_state: Option<String>,
    pub to_state: String,
    pub what: String,
    pub call: Option<String>,
    /// The HTTP status; none: no answer.
    pub http_status: Option<i64>,
    pub code: Option<i64>,
    pub request_id: Option<String>,
    pub units: Option<f64>,
    /// The same in money, for accounts that pay from a balance.
    pub money: Option<f64>,
}

/// One job with its history.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct JobDetail {
    pub overview: JobOverview,
    pub state: JobState,
    pub manifest_is_there: bool,
    pub history: Vec<HistoryEntry>,
}

impl JobDetail {
    /// Whether the history is complete; otherwise its beginning was deleted.
    pub fn history_is_complete(&self) -> bool {
        self.history.first().is_some_and(|line| line.from_state.is_none())
    }
}

/// Selects the jobs of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct JobFilter {
    pub manifest: Option<String>,
    pub state: Option<State>,
}

const OF_MANIFEST: &str = "j.manifest_id = (SELECT id FROM manifest WHERE path = :manifest) AND";
const OF_MANIFEST_AND_STATE: &str = "
    j.manifest_id = (SELECT id FROM manifest WHERE path = :manifest) AND j.state = :state AND";

impl JobFilter {
    /// Each form reads an index in the order of rows, and sorts nothing.
    pub(super) fn sql(&self) -> String {
        let (index, condition) = match (&self.manifest, self.state) {
            (None, None) => ("", ""),
            (None, Some(_)) => ("INDEXED BY job_state", "j.state = :state AND"),
            (Some(_), None) => ("INDEXED BY job_manifest", OF_MANIFEST),
            (Some(_), Some(_)) => ("INDEXED BY job_manifest", OF_MANIFEST_AND_STATE),
        };
        format!(
            "SELECT o.*, j.id AS row FROM job j {index} JOIN job_overview o ON o.key = j.key
             WHERE {condition} j.id > :after ORDER BY j.id LIMIT :limit"
        )
    }
}

impl Reader {
    /// Returns up to `limit` jobs after row `after` (0: from the first), and the row to continue after; none: there are
    /// no more. The order is that in which they were first read.
    pub fn page(
        &self,
        filter: &JobFilter,
        after: i64,
        limit: usize,
    ) -> Result<(Vec<JobOverview>, Option<i64>), StoreError> {
        let sql = filter.sql();
        let limit_rows = i64::try_from(limit).unwrap_or(i64::MAX);
        let state = filter.state;
        let mut known: Vec<(&str, &dyn rusqlite::ToSql)> =
            vec![(":after", &after), (":limit", &limit_rows)];
        if let Some(manifest) = &filter.manifest {
            known.push((":manifest", manifest));
        }
        if let Some(state) = &state {
            known.push((":state", state));
        }
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(known.as_slice())?;
        let (mut lines, mut last) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            lines.push(line_from_row(row)?);
            last = Some(row.get("row")?);
        }
        let more = lines.len() == limit;
        Ok((lines, last.filter(|_| more)))
    }

    /// Returns a number that is another one after each commit of other connections.
    pub fn version(&self) -> Result<i64, StoreError> {
        Ok(self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// Whether a manifest of that path was ever read.
    pub fn knows_manifest(&self, path: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM manifest WHERE path = ?1";
        self.connection.exists(sql, [path])
    }

    /// Returns the job of that key with its history, if there is one.
    pub fn detail(&self, key: &str) -> Result<Option<JobDetail>, StoreError> {
        let moment = self.connection.unchecked_transaction()?;
        let line = moment.first(
            "SELECT * FROM job_overview WHERE key = :key",
            named_params! { ":key": key },
            line_from_row,
        )?;
        let Some(line) = line else { return Ok(None) };
        let Some(mut state) = self.job_state(key)? else { return Ok(None) };
        state.job.spec.labels = job_row::labels(&moment, state.job.id)?;
        let manifest_is_there = moment.exists(
            "SELECT 1 FROM manifest WHERE path = ?1 AND removed_at_ms IS NULL",
            [&line.manifest],
        )?;
        let history =
            moment.all("SELECT * FROM job_history WHERE key = ?1", [key], history_from_row)?;
        moment.commit()?;
        Ok(Some(JobDetail { overview: line, state, manifest_is_there, history }))
    }

    /// Calls `visit` with the key of every job, in order.
    pub fn keys(&self, visit: impl FnMut(&str)) -> Result<(), StoreError> {
        self.visit("SELECT key FROM job ORDER BY key", visit)
    }

    /// Calls `visit` with the path of every manifest that was ever read, in order.
    pub fn manifest_paths(&self, visit: impl FnMut(&str)) -> Result<(), StoreError> {
        self.visit("SELECT path FROM manifest ORDER BY path", visit)
    }

    fn visit(&self, sql: &str, mut visit: impl FnMut(&str)) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            visit(row.get_ref(0)?.as_str().unwrap_or_default());
        }
        Ok(())
    }
}

fn line_from_row(row: &Row<'_>) -> rusqlite::Result<JobOverview> {
    columns!(row => JobOverview: key manifest state state_since waiting_for video audio labels attempt task_id
        external_task_id shares_task_with units money output watermark_missing error_code error request_id changed_after_sent dismissed
        priority created_at updated_at finished_at)
}

fn history_from_row(row: &Row<'_>) -> rusqlite::Result<HistoryEntry> {
    columns!(row => HistoryEntry: at from_state to_state what call http_status code request_id units money)
}
