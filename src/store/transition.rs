//! Writes one transition of a task, and checks its jobs again if Kling has no task after all.

use rusqlite::Connection;

use super::{
    HistoryAnswer, NewSession, Store, StoreError, candidate,
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
    pub fn record_for_log(
        &self,
        transition: Transition,
        answer: Option<HistoryAnswer>,
        now_ms: i64,
    ) -> impl Future<Output = Result<(Task, String), StoreError>> + Send {
        self.write(move |connection| {
            record_for_log(connection, &transition, answer.as_ref(), now_ms)
        })
    }

    /// As [`Store::record_for_log`], and stores the session that the task uses from now on. If the task changed since it
    /// was read, the session is stored all the same: it was paid, and other tasks of the video can use it.
    pub fn record_identified(
        &self,
        new: NewSession,
        transition: Transition,
        answer: Option<HistoryAnswer>,
        now_ms: i64,
    ) -> impl Future<Output = Result<(Task, String), StoreError>> + Send {
        let recorded = self.write(move |connection| {
            let row = new.keep(connection)?;
            let mut transition = transition.clone();
            if let Some(session) = &mut transition.task.session
                && session.row == 0
            {
                session.row = row;
            }
            match record_for_log(connection, &transition, answer.as_ref(), now_ms) {
                Err(stale @ StoreError::Stale { .. }) => Ok(Err(stale)),
                recorded => recorded.map(Ok),
            }
        });
        async { recorded.await? }
    }

    /// Writes that a create request is about to be sent, unless the queue is paused at this moment: then nothing is
    /// written, and none is returned. A probe may be sent during a pause by the API, not during a pause by a person.
    pub fn record_intent(
        &self,
        transition: Transition,
        now_ms: i64,
        is_probe: bool,
    ) -> impl Future<Output = Result<Option<(Task, String)>, StoreError>> + Send {
        self.write(move |connection| {
            if pause::is_paused_for(connection, is_probe)? {
                return Ok(None);
            }
            // Only a create request that was sent before can have candidates.
            if transition.from == State::Creating {
                candidate::forget(connection, transition.task.id)?;
            }
            record_for_log(connection, &transition, None, now_ms).map(Some)
        })
    }
}

fn record_for_log(
    connection: &Connection,
    transition: &Transition,
    answer: Option<&HistoryAnswer>,
    now_ms: i64,
) -> Result<(Task, String), StoreError> {
    let (task, manifest) = record(connection, transition, answer, now_ms)?;
    let manifest = manifest.map_or_else(|| manifest_of(connection, task.lead), Ok)?;
    Ok((task, manifest))
}

/// Writes one transition inside the caller's transaction. A task that returns to the queue after its create request
/// is compared with what its jobs ask for now. For the manifest see [`record_but`].
pub(super) fn record(
    connection: &Connection,
    transition: &Transition,
    answer: Option<&HistoryAnswer>,
    now_ms: i64,
) -> Result<(Task, Option<String>), StoreError> {
    let (task, manifest) = record_but(connection, transition, answer, now_ms, NO_JOB)?;
    let was_sent = matches!(transition.from, State::Creating | State::Unresolved);
    if was_sent && task.state.is_unsent() && task.is_uncreated() {
        let sharing = Sharing::of_api(connection, now_ms);
        return Ok((never_arrived::reconsider(sharing, &task, None)?.0, None));
    }
    Ok((task, manifest))
}
