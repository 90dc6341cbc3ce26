//! Detaches a lead job from its task: for another take that has a result, or for a reason of the job alone.

use rusqlite::Connection;

use super::{
    Store, StoreError, find, job_row,
    sharing::{Sharing, SharingError, TaskChoice},
    sql::Sql as _,
};
use crate::job::{Moment, Policy, State, Task, outcome::PermanentError};

impl Store {
    /// Whether the manifest of the lead job and a retry ask for no certain take.
    pub async fn is_take_open(&self, task: &Task) -> Result<bool, StoreError> {
        let lead = task.lead;
        self.read(move |connection| {
            let sql = "SELECT 1 FROM job WHERE id = ?1 AND take IS NULL AND retry_take IS NULL";
            connection.exists(sql, [lead])
        })
        .await
    }

    /// Points the lead job of a task that was not sent to take `take` of its request, because the result of that take is
    /// in the output folder. Returns the task. The job stays if [it asks for a certain take](Self::is_take_open).
    /// Fails with [`StoreError::Stale`] if the task changed since it was read.
    pub async fn move_to_take(
        &self,
        task: Task,
        take: u32,
        moment: Moment,
        policy: Policy,
    ) -> Result<Task, StoreError> {
        self.write(move |connection| {
            let sharing = Sharing { connection, moment, policy: &policy };
            let now = unchanged(connection, &task)?;
            let Some(mut row) = job_row::by_id(connection, now.lead)? else { return Ok(now) };
            let before = row.job.clone();
            let job = &mut row.job;
            if job.spec.take.or(job.retry_take).is_some() || job.task != Some(now.id) {
                return Ok(now);
            }
            let choice =
                TaskChoice { take, turn: now.turn, sessions_after_ms: now.sessions_after_ms };
            match sharing.point(job, choice) {
                Ok(()) => {}
                Err(SharingError::Conflict(_)) => return Ok(now),
                Err(SharingError::Store(error)) => return Err(error),
            }
            let what = format!("the result of take {take} already exists and is used");
            sharing.save(&mut row, &before, &what)?;
            sharing.reread(now.id)
        })
        .await
    }

    /// Detaches the lead job of a task that was not sent, for a reason that concerns this job alone. Another job leads
    /// the task then; without another job the task is cancelled.
    /// Fails with [`StoreError::Stale`] if the task changed since it was read.
    pub async fn detach_lead(
        &self,
        task: Task,
        why: DetachReason,
        moment: Moment,
        policy: Policy,
    ) -> Result<Task, StoreError> {
        self.write(move |connection| {
            let sharing = Sharing { connection, moment, policy: &policy };
            let now = unchanged(connection, &task)?;
            let Some(mut row) = job_row::by_id(connection, now.lead)? else { return Ok(now) };
            let before = row.job.clone();
            let job = &mut row.job;
            if job.task != Some(now.id) {
                return Ok(now);
            }
            job.task = None;
            let what = match &why {
                DetachReason::MediaChanged(what) => {
                    job.state = State::Waiting;
                    job.media.wait_reason = Some(what.clone());
                    what.clone()
                }
                DetachReason::Failed(error) => {
                    job.state = State::Failed;
                    job.failure = Some(error.clone().into());
                    error.message.clone()
                }
            };
            sharing.save(&mut row, &before, &what)?;
            sharing.reread(now.id)
        })
        .await
    }

    /// Whether other jobs share the task with its lead job.
    pub async fn is_shared(&self, task: &Task) -> Result<bool, StoreError> {
        let (id, lead) = (task.id, task.lead);
        self.read(move |connection| // The time does not matter: no outcome is applied.
            Ok(Sharing::of_api(connection, 0).first_job(id, lead)?.is_some()))
            .await
    }
}

/// Why a job is detached from its task.
#[derive(Debug, Clone)]
pub enum DetachReason {
    /// A local file has other content: the job waits until its media are checked again.
    MediaChanged(String),
    /// The job alone has failed.
    Failed(PermanentError),
}

/// Returns the task if it did not change since it was read.
pub(super) fn unchanged(connection: &Connection, task: &Task) -> Result<Task, StoreError> {
    let now = find::task(connection, task.id)?;
    now.filter(|now| now.revision == task.revision)
        .ok_or_else(|| StoreError::Stale { key: task.spec.key.clone() })
}
