//! A lead job that has to leave its task: for another take whose result is there, or for a reason of its own.

use rusqlite::Connection;

use super::{
    Store, StoreError, job_row, record,
    sharing::{Sharing, Stop, Wish},
};
use crate::job::{Failure, Moment, Policy, State, Task, outcome::PermanentError};

impl Store {
    /// Returns whether the lead job of a task leaves open which take it gets: neither its manifest nor a retry says.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn is_take_open(&self, task: &Task) -> Result<bool, StoreError> {
        let lead = task.lead;
        self.read(move |connection| {
            let sql = "SELECT 1 FROM job WHERE id = ?1 AND take IS NULL AND retry_take IS NULL";
            Ok(connection.prepare_cached(sql)?.exists([lead])?)
        })
        .await
    }

    /// Points the lead job of a task that was not sent to the take `take` of its request, because the result of that
    /// take is at its place. Returns the task that it left, or leads still if
    /// [it asks for a certain take](Self::is_take_open).
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody moved the task since it was read.
    pub async fn move_to_take(
        &self,
        task: Task,
        take: u32,
        moment: Moment,
        policy: Policy,
    ) -> Result<Task, StoreError> {
        self.write(move |connection| {
            let sharing = Sharing { connection, moment, policy: &policy };
            let now = unmoved(connection, &task)?;
            let Some(mut row) = job_row::by_id(connection, now.lead)? else { return Ok(now) };
            let before = row.job.clone();
            let job = &mut row.job;
            if job.spec.take.or(job.retry_take).is_some() || job.task != Some(now.id) {
                return Ok(now);
            }
            let wish = Wish { take, turn: now.turn, sessions_after_ms: now.sessions_after_ms };
            match sharing.point(job, wish) {
                Ok(()) => {}
                Err(Stop::Conflict(_)) => return Ok(now),
                Err(Stop::Store(error)) => return Err(error),
            }
            let what = format!("the result of take {take} is there already and is used");
            sharing.save(&mut row, &before, &what)?;
            sharing.reread(now.id)
        })
        .await
    }

    /// Takes a task that was not sent from its lead job, for a reason that concerns this job alone. Another job of
    /// the task leads it then; without one it is cancelled.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody moved the task since it was read.
    pub async fn detach_lead(
        &self,
        task: Task,
        why: DetachReason,
        moment: Moment,
        policy: Policy,
    ) -> Result<Task, StoreError> {
        self.write(move |connection| {
            let sharing = Sharing { connection, moment, policy: &policy };
            let now = unmoved(connection, &task)?;
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
                DetachReason::Failed(PermanentError { code, message }) => {
                    job.state = State::Failed;
                    let failure = Failure { code: code.clone(), message: message.clone() };
                    job.failure = Some(failure);
                    message.clone()
                }
            };
            sharing.save(&mut row, &before, &what)?;
            sharing.reread(now.id)
        })
        .await
    }

    /// Returns whether other jobs than its lead share a task.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn is_shared(&self, task: &Task) -> Result<bool, StoreError> {
        let (id, lead) = (task.id, task.lead);
        self.read(move |connection| {
            // The moment does not matter: nothing is applied.
            Ok(Sharing::of_api(connection, 0).first_job(id, lead)?.is_some())
        })
        .await
    }
}

/// Why a job does not lead its task any more.
#[derive(Debug, Clone)]
pub enum DetachReason {
    /// A local file of it has other content: it waits until its media were looked at again.
    MediaChanged(String),
    /// It alone has failed.
    Failed(PermanentError),
}

pub(super) fn unmoved(connection: &Connection, task: &Task) -> Result<Task, StoreError> {
    let now = record::task(connection, task.id)?;
    now.filter(|now| now.revision == task.revision)
        .ok_or_else(|| StoreError::Stale { key: task.spec.key.clone() })
}
