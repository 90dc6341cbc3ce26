//! Jobs for people: rows of the view `job_overview`, and one job with its history.
//!
//! Long lists are read in pages (see [`Select`]), so that memory and the WAL do not grow with them.

use rusqlite::{Row, named_params};
use serde::Serialize;

use super::{
    JobState, PageEnd, Reader, Select, SelectedJobs, SelectedPage, SortBy, StoreError,
    change::DATA_VERSION,
    job_row,
    select::json_list,
    sql::{Sql as _, columns},
};
use crate::job::{JobId, State, Verdict};

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
    /// What a person thinks of its result: `approved`, `rejected`; none: nothing yet.
    pub verdict: Option<Verdict>,
    /// What the person wrote about it.
    pub verdict_note: Option<String>,
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

/// Some of the selected jobs, and where the next page begins.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct JobPage {
    pub jobs: Vec<JobOverview>,
    /// None: there are no more.
    pub end: Option<PageEnd>,
}

/// The rows in the order of the list of their ids.
pub(super) const OVERVIEWS: &str = "
    SELECT o.* FROM json_each(?1) asked CROSS JOIN job j ON j.id = asked.value
    CROSS JOIN job_overview o ON o.key = j.key";

impl Reader {
    /// Returns the jobs of these rows, in this order. A job that was deleted is left out.
    pub fn overviews(&self, ids: &[JobId]) -> Result<Vec<JobOverview>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.connection.all(OVERVIEWS, [json_list(ids)], line_from_row)
    }

    /// Returns the first `limit` of the selected jobs after `after`, in this order.
    pub fn job_page(
        &self,
        jobs: &SelectedJobs,
        sort: SortBy,
        after: Option<&PageEnd>,
        limit: usize,
    ) -> Result<JobPage, StoreError> {
        let SelectedPage { ids, end } = self.selected(jobs, sort, after, limit)?;
        Ok(JobPage { jobs: self.overviews(&ids)?, end })
    }

    /// Returns the first `limit` jobs that `select` selects, in the order in which they were first read.
    pub fn first_jobs(
        &self,
        select: &Select,
        limit: usize,
    ) -> Result<Vec<JobOverview>, StoreError> {
        Ok(self.job_page(&self.select(select)?, SortBy::Read, None, limit)?.jobs)
    }

    /// Returns the handle by which another thread ends what this one reads.
    pub fn interrupter(&self) -> rusqlite::InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// Returns a number that is another one after each commit of other connections.
    pub fn version(&self) -> Result<i64, StoreError> {
        self.connection.value(DATA_VERSION, ())
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
        external_task_id shares_task_with units money output watermark_missing verdict verdict_note error_code error request_id changed_after_sent dismissed
        priority created_at updated_at finished_at)
}

fn history_from_row(row: &Row<'_>) -> rusqlite::Result<HistoryEntry> {
    columns!(row => HistoryEntry: at from_state to_state what call http_status code request_id units money)
}
