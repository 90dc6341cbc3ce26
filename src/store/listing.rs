//! Jobs for people: rows of the view `job_overview`, and one job with its history.
//!
//! Long lists are read in pages, so that memory and the WAL do not grow with them.

use rusqlite::{Row, named_params};
use serde::Serialize;

use super::{JobState, Reader, StoreError, job_row, sql::Sql as _};
use crate::job::State;

/// A row of the view `job_overview`; times are UTC in ISO 8601.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobOverview {
    /// The job's key.
    pub key: String,
    /// The path of its manifest under `jobs_dir`.
    pub manifest: String,
    /// The state of its task, until its own file is delivered.
    pub state: State,
    /// When it entered this state.
    pub state_since: String,
    /// Why it waits; none: it has ended.
    pub waiting_for: Option<String>,
    /// The video as written in the manifest.
    pub video: String,
    /// The audio as written in the manifest.
    pub audio: String,
    /// Its labels, as `name=value, …`.
    pub labels: Option<String>,
    /// The take.
    pub attempt: u32,
    /// Kling's id of the accepted task.
    pub task_id: Option<String>,
    /// The name of its task at Kling; none: it has no task yet.
    pub external_task_id: Option<String>,
    /// Keys of jobs that share its task.
    pub shares_task_with: Option<String>,
    /// The units of its tasks, counted at the lead job.
    pub units: f64,
    /// The same in money, for accounts that pay from a balance.
    pub money: Option<f64>,
    /// The path of its file under `output_dir`.
    pub output: String,
    /// A stable word or the API's number.
    pub error_code: Option<String>,
    /// Why it failed or was cancelled.
    pub error: Option<String>,
    /// The API's id of the last request that was answered for it.
    pub request_id: Option<String>,
    /// Whether its request changed after its task was created.
    pub changed_after_sent: bool,
    /// Whether a person dismissed it.
    pub dismissed: bool,
    /// Higher first.
    pub priority: i32,
    /// When its manifest was first read.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
}

/// A row of the view `job_history`; times are UTC in ISO 8601.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryEntry {
    /// When it happened.
    pub at: String,
    /// The state before; none: the job is new.
    pub from_state: Option<String>,
    /// The state after.
    pub to_state: String,
    /// What happened.
    pub what: String,
    /// The call that the API answered.
    pub call: Option<String>,
    /// The HTTP status; none: no answer.
    pub http_status: Option<i64>,
    /// The API's code.
    pub code: Option<i64>,
    /// The API's id of the request.
    pub request_id: Option<String>,
    /// Its cost.
    pub units: Option<f64>,
}

/// One job with its history.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDetail {
    /// Its row of the view.
    pub overview: JobOverview,
    /// The job with its task, labels included.
    pub state: JobState,
    /// Whether its manifest is in the folder.
    pub manifest_is_there: bool,
    /// Its history, the oldest entry first, as far as it is kept.
    pub history: Vec<HistoryEntry>,
}

impl JobDetail {
    /// Whether the history is complete; otherwise its beginning was deleted.
    #[must_use]
    pub fn history_is_complete(&self) -> bool {
        self.history.first().is_some_and(|line| line.from_state.is_none())
    }
}

/// Selects the jobs of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only those of this manifest (its path under `jobs_dir`).
    pub manifest: Option<String>,
    /// Only those in this state.
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
        let Some(line) = line else {
            return Ok(None);
        };
        let Some(mut state) = self.job_state(key)? else {
            return Ok(None);
        };
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
    pub fn keys(&self, mut visit: impl FnMut(&str)) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT key FROM job ORDER BY key")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            visit(row.get_ref(0)?.as_str().unwrap_or_default());
        }
        Ok(())
    }

    /// Calls `visit` with the path of every manifest that was ever read, in order.
    pub fn manifest_paths(&self, mut visit: impl FnMut(&str)) -> Result<(), StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT path FROM manifest ORDER BY path")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            visit(row.get_ref(0)?.as_str().unwrap_or_default());
        }
        Ok(())
    }
}

fn line_from_row(row: &Row<'_>) -> rusqlite::Result<JobOverview> {
    Ok(JobOverview {
        key: row.get("key")?,
        manifest: row.get("manifest")?,
        state: row.get("state")?,
        state_since: row.get("state_since")?,
        waiting_for: row.get("waiting_for")?,
        video: row.get("video")?,
        audio: row.get("audio")?,
        labels: row.get("labels")?,
        attempt: row.get("attempt")?,
        task_id: row.get("task_id")?,
        external_task_id: row.get("external_task_id")?,
        shares_task_with: row.get("shares_task_with")?,
        units: row.get("units")?,
        money: row.get("money")?,
        output: row.get("output")?,
        error_code: row.get("error_code")?,
        error: row.get("error")?,
        request_id: row.get("request_id")?,
        changed_after_sent: row.get("changed_after_sent")?,
        dismissed: row.get("dismissed")?,
        priority: row.get("priority")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        finished_at: row.get("finished_at")?,
    })
}

fn history_from_row(row: &Row<'_>) -> rusqlite::Result<HistoryEntry> {
    Ok(HistoryEntry {
        at: row.get("at")?,
        from_state: row.get("from_state")?,
        to_state: row.get("to_state")?,
        what: row.get("what")?,
        call: row.get("call")?,
        http_status: row.get("http_status")?,
        code: row.get("code")?,
        request_id: row.get("request_id")?,
        units: row.get("units")?,
    })
}
