//! Tasks of the account that a task with an unknown create request could be, for the person who decides.

use rusqlite::{Connection, Row};

use super::{ApiAnswer, Store, StoreError, job_row, record::add_event};
use crate::job::{State, TaskId};

/// A task of the account that a task with an unknown create request could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The API's name for it.
    pub task_id: String,
    /// Where it stands, as the API spells it.
    pub status: String,
    /// The address or id of its video, as the API tells it.
    pub video: Option<String>,
    /// When (Unix ms) it was created, by the API's clock.
    pub created_at_ms: Option<i64>,
}

/// That the list of the account's tasks was read to its end, or past the create request: with nothing kept, a
/// person has to know whether there is nothing or nobody has looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListScan {
    /// What it came to, in words.
    pub what: String,
    /// The last page's answer, of [`ApiCall::List`](super::ApiCall::List).
    pub answer: ApiAnswer,
    /// When (Unix ms).
    pub at_ms: i64,
}

impl Store {
    /// Keeps which tasks a task with an unknown create request could be, instead of those that were kept before,
    /// and that the list was read far enough, if it was; of an unresolved one also in its history.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_candidates(
        &self,
        task: TaskId,
        candidates: Vec<Candidate>,
        listed: Option<ListScan>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            forget(connection, task)?;
            for candidate in &candidates {
                connection
                    .prepare_cached(
                        // A person may have decided meanwhile.
                        "INSERT INTO candidate (task_row, task_id, status, video, created_at_ms)
                         SELECT id, ?2, ?3, ?4, ?5 FROM task
                         WHERE id = ?1 AND state IN ('creating', 'unresolved')
                         ON CONFLICT DO NOTHING",
                    )?
                    .execute((
                        task,
                        &candidate.task_id,
                        &candidate.status,
                        &candidate.video,
                        candidate.created_at_ms,
                    ))?;
            }
            let Some(listed) = &listed else { return Ok(()) };
            connection
                .prepare_cached(
                    "UPDATE task SET listed_at_ms = ?2
                     WHERE id = ?1 AND state IN ('creating', 'unresolved')",
                )?
                .execute((task, listed.at_ms))?;
            record(connection, task, listed)
        })
        .await
    }
}

/// Returns the tasks that a task could be, the oldest first, and when (Unix ms) the list was read far enough to
/// name them all.
pub(super) fn of_task(
    connection: &Connection,
    task: TaskId,
) -> Result<(Vec<Candidate>, Option<i64>), StoreError> {
    let sql = "SELECT task_id, status, video, created_at_ms FROM candidate WHERE task_row = ?1
                 AND NOT EXISTS (SELECT 1 FROM task t WHERE t.task_id = candidate.task_id)
               ORDER BY created_at_ms, task_id";
    let candidates =
        connection.prepare_cached(sql)?.query_map([task], from_row)?.collect::<Result<_, _>>()?;
    let mut listed = connection.prepare_cached("SELECT listed_at_ms FROM task WHERE id = ?1")?;
    Ok((candidates, listed.query_row([task], |row| row.get(0))?))
}

fn record(connection: &Connection, task: TaskId, listed: &ListScan) -> Result<(), StoreError> {
    let latest = "
        SELECT 1 FROM event e LEFT JOIN history_text p ON p.id = e.text_row
        WHERE e.id = (SELECT max(id) FROM event WHERE job_id = ?1)
          AND e.call = ?2 AND concat(p.text, e.what) = ?3";
    for (job, state, _) in job_row::of_task(connection, task)? {
        let said = (job, listed.answer.call.number(), &listed.what);
        if state != State::Unresolved || connection.prepare_cached(latest)?.exists(said)? {
            continue;
        }
        let answer = Some(&listed.answer);
        add_event(connection, job, Some(state), state, &listed.what, answer, listed.at_ms)?;
    }
    Ok(())
}

/// What became of its create request is known, the request is sent again, or the list is read again.
pub(super) fn forget(connection: &Connection, task: TaskId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM candidate WHERE task_row = ?1")?.execute([task])?;
    connection
        .prepare_cached(
            "UPDATE task SET listed_at_ms = NULL WHERE id = ?1 AND listed_at_ms IS NOT NULL",
        )?
        .execute([task])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        task_id: row.get("task_id")?,
        status: row.get("status")?,
        video: row.get("video")?,
        created_at_ms: row.get("created_at_ms")?,
    })
}
