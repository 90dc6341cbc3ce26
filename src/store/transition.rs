//! Writes one transition of a task, and checks its jobs again if Kling has no task after all.

use rusqlite::Connection;

use super::{
    HistoryAnswer, Store, StoreError, candidate,
    find::manifest_of,
    never_arrived, pause,
    record::{NO_JOB, record_but},
    sharing::Sharing,
};
use crate::job::{State, Task, Transition};

impl Store {
    /// Writes `transition` with the API's answer that led to it, and returns the task.
    /// Fails with [`StoreError::Stale`] if the task changed since it was read, and with [`StoreError::TaskTaken`] if the
    /// task at Kling belongs to another task.
    pub async fn record(
        &self,
        transition: Transition,
        answer: Option<HistoryAnswer>,
        now_ms: i64,
    ) -> Result<Task, StoreError> {
        let recorded = self.record_for_log(transition, answer, now_ms).await?;
        Ok(recorded.0)
    }

    /// As [`Store::record`], and returns the path of the lead job's manifest for the log.
    pub async fn record_for_log(
        &self,
        transition: Transition,
        answer: Option<HistoryAnswer>,
        now_ms: i64,
    ) -> Result<(Task, String), StoreError> {
        self.write(move |connection| {
            let task = record(connection, &transition, answer.as_ref(), now_ms)?;
            let manifest = manifest_of(connection, task.lead)?;
            Ok((task, manifest))
        })
        .await
    }

    /// Writes that a create request is about to be sent, unless the queue is paused at this moment: then nothing is
    /// written, and none is returned. A probe may be sent during a pause by the API, not during a pause by a person.
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

/// Writes one transition inside the caller's transaction. A task that returns to the queue after its create request
/// is compared with what its jobs ask for now.
pub(super) fn record(
    connection: &Connection,
    transition: &Transition,
    answer: Option<&HistoryAnswer>,
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
