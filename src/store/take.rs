//! A task that turns out to be another take, and a lead job that has to leave its task.

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    Store, StoreError, job_row, record,
    record::add_event,
    sharing::{Sharing, Stop, Wish},
};
use crate::job::{Failure, Moment, Policy, State, Task, outcome::Fault};

impl Store {
    /// Makes a task that was not sent the take `take` of its request, because a result of that take is on
    /// disk. If that take is known already, its jobs join it; the task that is returned is then still of its
    /// own take, and has no job.
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
            if is_known(connection, &task.request_hash, take)? {
                join(sharing, &now, take)?;
            } else {
                let name =
                    Task::name_of(&now.request_hash, now.spec.external_task_id.as_deref(), take);
                connection
                    .prepare_cached(
                        "UPDATE task SET take = ?2, external_task_id = ?3, revision = revision + 1
                         WHERE id = ?1",
                    )?
                    .execute((now.id, take, &name))?;
            }
            sharing.reread(now.id)
        })
        .await
    }

    /// Takes a task that was not sent from its lead job, for a reason that concerns this job alone. Another job of
    /// the task leads it then; without one it is cancelled.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody moved the task since it was read.
    pub async fn lose_lead(
        &self,
        task: Task,
        why: LeadLost,
        moment: Moment,
        policy: Policy,
    ) -> Result<Task, StoreError> {
        self.write(move |connection| {
            let sharing = Sharing { connection, moment, policy: &policy };
            let now = unmoved(connection, &task)?;
            let Some(row) = job_row::by_id(connection, now.lead)? else { return Ok(now) };
            let mut job = row.job;
            if job.task != Some(now.id) {
                return Ok(now);
            }
            let before = job.state;
            job.task = None;
            let what = match &why {
                LeadLost::MediaChanged(what) => {
                    job.state = State::Waiting;
                    job.media.missing = Some(what.clone());
                    what.clone()
                }
                LeadLost::Failed(Fault { code, message }) => {
                    job.state = State::Failed;
                    let failure = Failure { code: code.clone(), message: message.clone() };
                    job.failure = Some(failure);
                    message.clone()
                }
            };
            job_row::save(connection, &mut job, row.manifest_id, moment.now_ms)?;
            add_event(connection, job.id, Some(before), job.state, &what, None, moment.now_ms)?;
            sharing.release(now.id, job.id)?;
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
            let sql = "SELECT 1 FROM job WHERE task_row = ?1 AND id <> ?2";
            Ok(connection.prepare_cached(sql)?.exists((id, lead))?)
        })
        .await
    }
}

/// Why a job does not lead its task any more.
#[derive(Debug, Clone)]
pub enum LeadLost {
    /// A local file of it has other content: it waits until its media were looked at again.
    MediaChanged(String),
    /// It alone has failed.
    Failed(Fault),
}

pub(super) fn unmoved(connection: &Connection, task: &Task) -> Result<Task, StoreError> {
    let now = record::task(connection, task.id)?;
    now.filter(|now| now.revision == task.revision)
        .ok_or_else(|| StoreError::Stale { key: task.spec.key.clone() })
}

fn is_known(connection: &Connection, request_hash: &str, take: u32) -> Result<bool, StoreError> {
    let mut known =
        connection.prepare_cached("SELECT 1 FROM task WHERE request_hash = ?1 AND take = ?2")?;
    Ok(known.query_row((request_hash, take), |_| Ok(())).optional()?.is_some())
}

fn join(sharing: Sharing<'_>, task: &Task, take: u32) -> Result<(), StoreError> {
    for (id, before, _) in job_row::of_task(sharing.connection, task.id)? {
        let Some(row) = job_row::by_id(sharing.connection, id)? else { continue };
        let mut job = row.job;
        let wish = Wish { take, turn: task.turn, sessions_after_ms: 0 };
        sharing.point(&mut job, wish).map_err(|stop| match stop {
            Stop::Store(error) => error,
            Stop::Conflict(conflict) => {
                StoreError::Nonsense { key: conflict.key, what: conflict.what }
            }
        })?;
        let now_ms = sharing.moment.now_ms;
        job_row::save(sharing.connection, &mut job, row.manifest_id, now_ms)?;
        let what = format!("take {take} exists already and is used");
        add_event(sharing.connection, id, Some(before), job.state, &what, None, now_ms)?;
    }
    sharing.release(task.id, task.lead)
}
