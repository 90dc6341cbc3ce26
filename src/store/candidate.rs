//! The account's tasks that an unresolved task could be, for the person who decides.

use rusqlite::{Connection, Row};

use super::{Answer, Reader, Store, StoreError, job_row, record::add_event};
use crate::job::{State, TaskId};

/// A task that an unresolved task could be.
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

/// That the list of the account's tasks was read to its end, for the history of an unresolved task: with
/// nothing kept, a person has to know whether there is nothing or nobody has looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it came to, in words.
    pub what: String,
    /// The last page's answer, of [`Call::List`](super::Call::List).
    pub answer: Answer,
    /// When (Unix ms).
    pub at_ms: i64,
}

impl Store {
    /// Keeps which tasks an unresolved task could be, instead of those that were kept before; and in its
    /// history, unless that says so already, that the list was read to its end, if it was.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_candidates(
        &self,
        task: TaskId,
        candidates: Vec<Candidate>,
        listed: Option<Listed>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            forget(connection, task)?;
            for candidate in &candidates {
                connection
                    .prepare_cached(
                        // A person may have decided meanwhile.
                        "INSERT INTO candidate (task_row, task_id, status, video, created_at_ms)
                         SELECT id, ?2, ?3, ?4, ?5 FROM task WHERE id = ?1 AND state = 'unresolved'
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
            listed.as_ref().map_or(Ok(()), |listed| record(connection, task, listed))
        })
        .await
    }
}

impl Reader {
    /// Returns the tasks that a task could be, the oldest first; none of a task that is not unresolved.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn candidates(&self, task: TaskId) -> Result<Vec<Candidate>, StoreError> {
        let sql = "SELECT task_id, status, video, created_at_ms FROM candidate WHERE task_row = ?1
                   ORDER BY created_at_ms, task_id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let candidates = statement.query_map([task], from_row)?;
        Ok(candidates.collect::<Result<_, _>>()?)
    }
}

fn record(connection: &Connection, task: TaskId, listed: &Listed) -> Result<(), StoreError> {
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

/// The task is unresolved no more, or its candidates are read again.
pub(super) fn forget(connection: &Connection, task: TaskId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM candidate WHERE task_row = ?1")?.execute([task])?;
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
