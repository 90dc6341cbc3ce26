//! Changes of jobs for the log, read back from the history: results of reading a manifest, and commands of people.
//!
//! A new job that waits for nothing and shares no task is left out: the log line of its manifest counts it, and
//! there may be a hundred thousand such jobs.

use rusqlite::{Connection, Row};
use tracing::info;

use super::{Store, StoreError, event::number, sql::Sql as _};
use crate::job::{State, is_by_a_person};

/// Changes when another connection writes.
pub(super) const DATA_VERSION: &str = "PRAGMA data_version";

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
#[expect(missing_docs, reason = "the names say it")]
pub struct JobChange {
    pub key: String,
    pub manifest: String,
    /// The state before; none: the job is new.
    pub from: Option<String>,
    pub to: String,
    pub what: String,
    pub task_id: Option<String>,
}

impl JobChange {
    /// Writes it to the log.
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

/// How far the history was read for changes by other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryPosition {
    /// `PRAGMA data_version`, which changes when another process writes.
    version: i64,
    event: i64,
}

/// Changes by other processes.
#[derive(Debug)]
pub struct OtherChanges {
    /// The position for the next call.
    pub position: HistoryPosition,
    /// Whether another process wrote anything.
    pub changed: bool,
    /// Commands of people.
    pub by_people: Vec<JobChange>,
}

impl Store {
    /// Returns what other processes wrote since `before`. Without `before`, returns the position alone.
    pub async fn changes_by_others(
        &self,
        before: Option<HistoryPosition>,
    ) -> Result<OtherChanges, StoreError> {
        // On the writing connection: there, `data_version` ignores the daemon's own writes.
        self.write(move |connection| {
            let version = connection.value(DATA_VERSION, ())?;
            let position = HistoryPosition { version, event: newest(connection)? };
            let Some(before) = before.filter(|before| before.version != version) else {
                return Ok(OtherChanges { position, changed: false, by_people: Vec::new() });
            };
            let mut by_people = since(connection, before.event)?;
            by_people.retain(|change| is_by_a_person(&change.what));
            Ok(OtherChanges { position, changed: true, by_people })
        })
        .await
    }
}

pub(super) fn newest(connection: &Connection) -> Result<i64, StoreError> {
    connection.value(NEWEST, ())
}

/// Returns the changes after row `event` of the history, except new jobs that wait for nothing and share no task.
pub(super) fn since(connection: &Connection, event: i64) -> Result<Vec<JobChange>, StoreError> {
    connection.all(SINCE, (event, number(State::Queued)), change)
}

fn change(row: &Row<'_>) -> rusqlite::Result<JobChange> {
    let (what, reason): (String, Option<String>) = (row.get(4)?, row.get(5)?);
    Ok(JobChange {
        key: row.get(0)?,
        manifest: row.get(1)?,
        from: row.get(2)?,
        to: row.get(3)?,
        what: reason.map_or(what.clone(), |reason| with_reason(&what, &reason)),
        task_id: row.get(6)?,
    })
}

/// Marks the wait reason in `what`, if `what` ends with it.
fn with_reason(what: &str, reason: &str) -> String {
    match what.strip_suffix(reason) {
        Some(before) if !reason.is_empty() => format!("{before}waits: {reason}"),
        _ => what.to_owned(),
    }
}
