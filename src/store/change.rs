//! Changes of jobs for the log: what came of a manifest, and what people did by commands, read back from
//! the history as it was written.
//!
//! A new job that waits for nothing and shares no task is no news: its manifest's line counts it, and it may be
//! one of a hundred thousand.

use rusqlite::{Connection, Row};
use tracing::info;

use super::{Store, StoreError, record::number};
use crate::job::{State, is_by_a_person};

pub(super) const NEWEST: &str = "SELECT coalesce(max(id), 0) FROM event";

pub(super) const SINCE: &str = "
    SELECT j.key, m.path, (SELECT name FROM state WHERE number = e.from_state),
      (SELECT name FROM state WHERE number = e.to_state),
      coalesce((SELECT text FROM history_text WHERE id = e.text_row), '') || coalesce(e.what, ''),
      j.media_wait_reason, t.task_id
    FROM event e JOIN job j ON j.id = e.job_id JOIN manifest m ON m.id = j.manifest_id
      LEFT JOIN task t ON t.id = j.task_row
    WHERE e.id > ?1 AND (e.from_state IS NOT NULL OR e.to_state <> ?2 OR t.lead_job <> j.id)
    ORDER BY e.id";

/// A change of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobChange {
    /// The job's key.
    pub key: String,
    /// Its manifest's path under `jobs_dir`.
    pub manifest: String,
    /// The state it left; none: it is new.
    pub from: Option<String>,
    /// The state it is in since.
    pub to: String,
    /// What happened, in words.
    pub what: String,
    /// Its task, if it has one.
    pub task_id: Option<String>,
}

impl JobChange {
    /// Tells the log.
    pub fn log(&self) {
        let Self { key, manifest, from, to, what, task_id } = self;
        let before = from.as_deref().unwrap_or("new");
        info!(
            job = key,
            manifest,
            from_state = from,
            to_state = to,
            task_id,
            "{key}: {before} → {to}: {what}"
        );
    }
}

/// Up to where the history was looked through for what other processes wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryPosition {
    /// Changes whenever another process wrote something.
    version: i64,
    event: i64,
}

/// What a look for others' writes found.
#[derive(Debug)]
pub struct OtherChanges {
    /// Where the next look begins.
    pub mark: HistoryPosition,
    /// Whether another process wrote anything at all.
    pub changed: bool,
    /// What people did to jobs by commands.
    pub by_people: Vec<JobChange>,
}

impl Store {
    /// Looks whether another process wrote to the database since `before`. The first look, of none, finds
    /// nothing.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn changes_by_others(
        &self,
        before: Option<HistoryPosition>,
    ) -> Result<OtherChanges, StoreError> {
        // On the writing connection: only there others' writes are told from the daemon's own.
        self.write(move |connection| {
            let version = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
            let mark = HistoryPosition { version, event: newest(connection)? };
            let Some(before) = before.filter(|before| before.version != version) else {
                return Ok(OtherChanges { mark, changed: false, by_people: Vec::new() });
            };
            let mut by_people = since(connection, before.event)?;
            by_people.retain(|change| is_by_a_person(&change.what));
            Ok(OtherChanges { mark, changed: true, by_people })
        })
        .await
    }
}

/// The last row of the history.
pub(super) fn newest(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached(NEWEST)?.query_row([], |row| row.get(0))?)
}

/// The changes behind row `event` of the history, but for new jobs that wait for nothing and share no task.
pub(super) fn since(connection: &Connection, event: i64) -> Result<Vec<JobChange>, StoreError> {
    let mut since = connection.prepare_cached(SINCE)?;
    let changes = since.query_map((event, number(State::Queued)), change)?;
    Ok(changes.collect::<Result<_, _>>()?)
}

fn change(row: &Row<'_>) -> rusqlite::Result<JobChange> {
    let (what, missing): (String, Option<String>) = (row.get(4)?, row.get(5)?);
    Ok(JobChange {
        key: row.get(0)?,
        manifest: row.get(1)?,
        from: row.get(2)?,
        to: row.get(3)?,
        what: missing.map_or(what.clone(), |missing| waiting(&what, &missing)),
        task_id: row.get(6)?,
    })
}

/// `what` in the words of the view `job_overview`, if it ends in what is missing.
fn waiting(what: &str, missing: &str) -> String {
    match what.strip_suffix(missing) {
        Some(before) if !missing.is_empty() => format!("{before}waits: {missing}"),
        _ => what.to_owned(),
    }
}
