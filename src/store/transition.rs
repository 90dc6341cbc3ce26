//! One transition of a task, and what follows for its jobs where Kling has no task after all.

use rusqlite::Connection;

use super::{
    ApiAnswer, Store, StoreError, candidate, never_arrived, pause,
    record::{NO_JOB, manifest_of, record_but},
    sharing::Sharing,
};
use crate::job::{State, Task, Transition};

impl Store {
    /// Writes `transition`, with the API's answer that led to it, and returns the task as it is now.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody moved the task since it was read, [`StoreError::TaskTaken`]
    /// when Kling's task is another task's: then nothing is written.
    pub async fn record(
        &self,
        transition: Transition,
        answer: Option<ApiAnswer>,
        now_ms: i64,
    ) -> Result<Task, StoreError> {
        let recorded = self.record_for_log(transition, answer, now_ms).await?;
        Ok(recorded.0)
    }

    /// The same; returns the path of the lead job's manifest, too, which the log names with each change.
    ///
    /// # Errors
    /// As [`Store::record`].
    pub async fn record_for_log(
        &self,
        transition: Transition,
        answer: Option<ApiAnswer>,
        now_ms: i64,
    ) -> Result<(Task, String), StoreError> {
        self.write(move |connection| {
            let task = record(connection, &transition, answer.as_ref(), now_ms)?;
            let manifest = manifest_of(connection, task.lead)?;
            Ok((task, manifest))
        })
        .await
    }
}

impl Store {
    /// Writes that a create request is about to be sent, unless the queue is paused at this moment: then nothing is
    /// written, and none is returned. A probe of an account passes the API's pause, and no person's.
    ///
    /// # Errors
    /// As [`Store::record`].
    pub async fn record_intent(
        &self,
        transition: Transition,
        now_ms: i64,
        is_probe: bool,
    ) -> Result<Option<(Task, String)>, StoreError> {
        self.write(move |connection| {
            if pause::is_paused_for(connection, is_probe)? {
                return Ok(None);
            }
            candidate::forget(connection, transition.task.id)?;
            let task = record(connection, &transition, None, now_ms)?;
            let manifest = manifest_of(connection, task.lead)?;
            Ok(Some((task, manifest)))
        })
        .await
    }
}

/// Writes one transition inside the caller's transaction. A task that goes back in line after its create request is
/// compared with what its jobs ask by now.
pub(super) fn record(
    connection: &Connection,
    transition: &Transition,
    answer: Option<&ApiAnswer>,
    now_ms: i64,
) -> Result<Task, StoreError> {
    let task = record_but(connection, transition, answer, now_ms, NO_JOB)?;
    let was_sent = matches!(transition.from, State::Creating | State::Unresolved);
    if was_sent && task.state.is_unsent() && task.is_uncreated() {
        let sharing = Sharing::of_api(connection, now_ms);
        return Ok(never_arrived::reconsider(sharing, &task, None)?.0);
    }
    Ok(task)
}
