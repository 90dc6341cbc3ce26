//! Tasks at Kling that may belong to a task whose create request has an unknown outcome, for the person who decides.

use rusqlite::{Connection, Row};

use super::{
    HistoryAnswer, Store, StoreError,
    event::HistoryEvent,
    job_row,
    sql::{Sql as _, columns},
};
use crate::job::{State, TaskId};

/// A task at Kling that may belong to a task whose create request has an unknown outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Candidate {
    pub task_id: String,
    pub status: String,
    pub video: Option<String>,
    /// When (Unix ms) it was created, by the API's clock.
    pub created_at_ms: Option<i64>,
}

/// A scan of the account's task list, to its end or past the create request. Without it, an empty list of
/// candidates would not mean that there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListScan {
    /// The result, in one sentence.
    pub what: String,
    /// The last page's answer, of [`ApiCall::List`](super::ApiCall::List).
    pub answer: HistoryAnswer,
    /// When (Unix ms).
    pub at_ms: i64,
}

impl Store {
    /// Replaces the candidates of a task. If the list was scanned far enough, stores that, too; for an unresolved
    /// task also in the history.
    pub async fn set_candidates(
        &self,
        task: TaskId,
        candidates: Vec<Candidate>,
        scan: Option<ListScan>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            forget(connection, task)?;
            for candidate in &candidates {
                connection.run(
                    // A person may have decided in the meantime.
                    "INSERT INTO candidate (task_row, task_id, status, video, created_at_ms)
                         SELECT id, ?2, ?3, ?4, ?5 FROM task
                         WHERE id = ?1 AND state IN ('creating', 'unresolved')
                         ON CONFLICT DO NOTHING",
                    (
                        task,
                        &candidate.task_id,
                        &candidate.status,
                        &candidate.video,
                        candidate.created_at_ms,
                    ),
                )?;
            }
            let Some(scan) = &scan else { return Ok(()) };
            connection.run(
                "UPDATE task SET listed_at_ms = ?2
                     WHERE id = ?1 AND state IN ('creating', 'unresolved')",
                (task, scan.at_ms),
            )?;
            record_scan(connection, task, scan)
        })
        .await
    }
}

pub(super) fn of_task(
    connection: &Connection,
    task: TaskId,
) -> Result<(Vec<Candidate>, Option<i64>), StoreError> {
    let sql = "SELECT task_id, status, video, created_at_ms FROM candidate WHERE task_row = ?1
                 AND NOT EXISTS (SELECT 1 FROM task t WHERE t.task_id = candidate.task_id)
               ORDER BY created_at_ms, task_id";
    let candidates = connection.all(sql, [task], from_row)?;
    Ok((candidates, connection.value("SELECT listed_at_ms FROM task WHERE id = ?1", [task])?))
}

fn record_scan(connection: &Connection, task: TaskId, scan: &ListScan) -> Result<(), StoreError> {
    let latest = "
        SELECT 1 FROM event e LEFT JOIN history_text p ON p.id = e.text_row
        WHERE e.id = (SELECT max(id) FROM event WHERE job_id = ?1)
          AND e.call = ?2 AND concat(p.text, e.what) = ?3";
    for (job, state, _) in job_row::of_task(connection, task)? {
        let same = (job, scan.answer.call.number(), &scan.what);
        if state != State::Unresolved || connection.exists(latest, same)? {
            continue;
        }
        let (from, answer, what) = (Some(state), Some(&scan.answer), scan.what.as_str());
        HistoryEvent { job, from, to: state, what, answer, at_ms: scan.at_ms }.write(connection)?;
    }
    Ok(())
}

/// Deletes the candidates of a task: the outcome of its create request is known, or a new send or scan begins.
pub(super) fn forget(connection: &Connection, task: TaskId) -> Result<(), StoreError> {
    connection.run("DELETE FROM candidate WHERE task_row = ?1", [task])?;
    connection.run(
        "UPDATE task SET listed_at_ms = NULL WHERE id = ?1 AND listed_at_ms IS NOT NULL",
        [task],
    )
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    columns!(row => Candidate: task_id status video created_at_ms)
}
