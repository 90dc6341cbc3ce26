//! Jobs and the tasks that they share: which task a job joins, and what happens to a task that a job leaves.
//!
//! Everything runs inside the caller's transaction. Nothing here decides about payment: a task is unique by request
//! and take, so that a job which asks for both gets the task that exists.

use rusqlite::Connection;

use super::{Conflict, StoreError, find, record, sql::Sql as _, task_row};
use crate::job::{
    Delivery, Job, JobId, Moment, Outcome, Policy, State, TAKE_MAX, Task, TaskId, apply,
};

mod lead;
pub(super) mod urgency;

pub(super) enum SharingError {
    Conflict(Conflict),
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for SharingError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

#[derive(Clone, Copy)]
pub(super) struct Sharing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) moment: Moment,
    pub(super) policy: &'a Policy,
}

/// The task that a job gets: a take of its request.
#[derive(Clone, Copy)]
pub(super) struct TaskChoice {
    pub(super) take: u32,
    pub(super) turn: i64,
    /// Sessions identified before this (Unix ms) are not used.
    pub(super) sessions_after_ms: i64,
}

pub(in crate::store) const HIGHEST_TAKE: &str = "
    SELECT take FROM task WHERE request_hash = ?1
    ORDER BY CASE WHEN state NOT IN ('failed', 'cancelled') THEN 0 WHEN task_id IS NOT NULL THEN 1 ELSE 2 END,
      take DESC LIMIT 1";
pub(in crate::store) const FIRST_TURN: &str = "
    SELECT turn FROM task INDEXED BY task_queued
    WHERE state = 'queued' AND due_at_ms = 0 AND priority = ?1
    ORDER BY turn, id LIMIT 1";
pub(in crate::store) const NAME_USED: &str = "
    SELECT l.key FROM task t JOIN job l ON l.id = t.lead_job
    WHERE (t.own_task_id = ?1 OR t.own_take_id = ?1 OR t.own_take_id = ?4)
      AND t.request_hash <> ?2
      AND (t.first_sent_at_ms IS NOT NULL OR t.task_id IS NOT NULL
        OR t.state NOT IN ('cancelled', 'failed') AND EXISTS (
          SELECT 1 FROM job WHERE task_row = t.id AND id <> ?3))
    LIMIT 1";

/// A missing job keeps its failure, and does not run again before it returns. The same holds for a job whose request
/// changed: it runs the changed request.
const DETACH_FAILED: &str = "
    UPDATE job SET task_row = NULL, error_code = task.error_code, error = task.error,
      error_reason = task.error_reason, revision = job.revision + 1
    FROM task WHERE job.task_row = ?1 AND task.id = ?1 AND job.id <> ?2
      AND (job.absent_since_ms IS NOT NULL OR job.changed_after_sent = 1)";
pub(in crate::store) const FIRST_JOB: &str = "
    SELECT id, key FROM job INDEXED BY job_task WHERE task_row = ?1 AND id <> ?2 ORDER BY absent_since_ms, id LIMIT 1";

impl<'a> Sharing<'a> {
    /// Creates one for outcomes that need no policy.
    pub(super) fn of_api(connection: &'a Connection, now_ms: i64) -> Self {
        const POLICY: Policy = Policy {
            retry_initial_ms: 1,
            retry_max_ms: 1,
            give_up_after_ms: 1,
            create_settle_ms: 1,
        };
        Self { connection, moment: Moment { now_ms, chance: 0.0 }, policy: &POLICY }
    }

    /// Returns the take that a job joins: the take that was asked for, else the highest take that has not failed.
    pub(super) fn take_to_join(&self, job: &Job) -> Result<u32, StoreError> {
        Ok(self.known_take(job)?.unwrap_or(1))
    }

    /// Does the same. None: its request has no task.
    pub(super) fn known_take(&self, job: &Job) -> Result<Option<u32>, StoreError> {
        match job.retry_take.or(job.spec.take) {
            None => self.connection.first(HIGHEST_TAKE, [&job.request_hash], |row| row.get(0)),
            take => Ok(take),
        }
    }

    /// Returns the next take after `take` that has not failed.
    pub(super) fn take_after(&self, request_hash: &str, take: u32) -> Result<u32, StoreError> {
        let mut next = take.saturating_add(1);
        while self.connection.exists(
            "SELECT 1 FROM task WHERE request_hash = ?1 AND take = ?2 AND state = 'failed'
               AND task_id IS NOT NULL",
            (request_hash, next),
        )? {
            next = next.saturating_add(1);
        }
        Ok(next)
    }

    /// Returns the first position in the queue of one priority. A new manifest starts there, so that it does
    /// not wait for all earlier manifests, and does not overtake them all.
    pub(super) fn turn(&self, priority: i32) -> Result<i64, StoreError> {
        Ok(self.connection.first(FIRST_TURN, [priority], |row| row.get(0))?.unwrap_or(0))
    }

    /// Points a job to the task of its request and `choice.take`: joins, revives or inserts that task. The job is changed
    /// in memory only. The caller [releases](Self::release) the task that the job pointed to before.
    pub(super) fn point(&self, job: &mut Job, choice: TaskChoice) -> Result<(), SharingError> {
        let request_hash = self.prepare(job, choice)?;
        let task = match self.find(&request_hash, choice.take)? {
            None => self.insert(job, request_hash, choice)?,
            Some(task) => self.join(job, task, choice)?,
        };
        show(job, &task);
        Ok(())
    }

    /// Does the same for a job whose request has no task.
    pub(super) fn start(&self, job: &mut Job, choice: TaskChoice) -> Result<(), SharingError> {
        let request_hash = self.prepare(job, choice)?;
        let task = self.insert(job, request_hash, choice)?;
        show(job, &task);
        Ok(())
    }

    /// Makes a job ready for another task. Returns its request hash.
    fn prepare(&self, job: &mut Job, choice: TaskChoice) -> Result<String, SharingError> {
        let Some(request_hash) = job.request_hash.clone() else {
            let what = "no request hash, and cannot get a task".to_owned();
            return Err(StoreError::Inconsistent { key: job.spec.key.clone(), what }.into());
        };
        if choice.take > TAKE_MAX {
            let what = format!("its request has {TAKE_MAX} takes already, which is the limit");
            return Err(SharingError::Conflict(Conflict { key: job.spec.key.clone(), what }));
        }
        self.require_name(job, &request_hash, choice.take)?;
        job.failure = None;
        job.delivery = Delivery::default();
        (job.changed_after_sent, job.dismissed) = (false, false);
        job.media.wait_reason = None;
        if job.delivered.is_none() {
            job.output.clone_from(&job.spec.output);
        }
        Ok(request_hash)
    }

    fn find(&self, request_hash: &str, take: u32) -> Result<Option<Task>, StoreError> {
        task_row::one(
            self.connection,
            "WHERE t.request_hash = ?1 AND t.take = ?2",
            (request_hash, take),
        )
    }

    /// Refuses an `external_task_id` of the manifest that another request uses; the names of its takes count, too.
    fn require_name(&self, job: &Job, request_hash: &str, take: u32) -> Result<(), SharingError> {
        let Some(name) = &job.spec.external_task_id else { return Ok(()) };
        let of_take = Task::name_of(request_hash, Some(name.as_str()), take);
        let other: Option<String> =
            self.connection
                .first(NAME_USED, (name, request_hash, job.id, of_take), |row| row.get(0))?;
        match other {
            None => Ok(()),
            Some(other) => {
                let what = format!(
                    "external_task_id {name} was already used by job {other} for another request; \
                     choose another name"
                );
                Err(SharingError::Conflict(Conflict { key: job.spec.key.clone(), what }))
            }
        }
    }

    fn insert(
        &self,
        job: &Job,
        request_hash: String,
        choice: TaskChoice,
    ) -> Result<Task, StoreError> {
        let own = job.spec.external_task_id.as_deref();
        let name = Task::name_of(&request_hash, own, choice.take);
        let (spec, media) = (job.spec.clone(), job.media.clone());
        let mut task = Task::new(spec, media, request_hash, choice.take, name);
        (task.lead, task.turn) = (job.id, choice.turn);
        task.sessions_after_ms = choice.sessions_after_ms;
        task.media_dir = job.manifest_dir().to_owned();
        if let Some(at_ms) = job.spec.not_before_at_ms.filter(|at_ms| *at_ms > self.moment.now_ms) {
            (task.state, task.due_at_ms) = (State::Waiting, at_ms);
        }
        task.id = task_row::insert(self.connection, &task, self.moment.now_ms)?;
        Ok(task)
    }

    fn join(&self, job: &Job, task: Task, choice: TaskChoice) -> Result<Task, StoreError> {
        let is_ended =
            task.state == State::Succeeded || task.was_accepted() && task.state == State::Failed;
        if is_ended {
            return Ok(task);
        }
        if matches!(task.state, State::Cancelled | State::Failed) {
            self.connection.run(DETACH_FAILED, (task.id, job.id))?;
            let task = self.lead(&task, &self.with_others(job, task.id)?)?;
            let sessions_after_ms = choice.sessions_after_ms;
            return self.apply_but(&task, Outcome::Revived { sessions_after_ms }, job.id);
        }
        if task.is_superseded {
            return self.lead(&task, job);
        }
        let task = self.renew_links(&task, job)?;
        self.hurry(&task, job)
    }

    /// Returns row and key of the first job that points to a task, except `but`. Jobs in the folder come first.
    pub(super) fn first_job(
        &self,
        id: TaskId,
        but: JobId,
    ) -> Result<Option<(JobId, String)>, StoreError> {
        self.connection.first(FIRST_JOB, (id, but), |row| row.try_into())
    }

    /// Applies an outcome to a task and writes it, except the job `but`, which the caller writes.
    pub(super) fn apply_but(
        &self,
        task: &Task,
        outcome: Outcome,
        but: JobId,
    ) -> Result<Task, StoreError> {
        let transition = apply(task, outcome, &self.moment, self.policy)?;
        Ok(record::record_but(self.connection, &transition, None, self.moment.now_ms, but)?.0)
    }

    pub(super) fn reread(&self, id: TaskId) -> Result<Task, StoreError> {
        find::task(self.connection, id)?.ok_or_else(|| StoreError::Inconsistent {
            key: String::new(),
            what: format!("task row {id}, which does not exist"),
        })
    }
}

/// Points a job to a task, and gives it the state of the task; without the result, the job is downloading.
pub(super) fn show(job: &mut Job, task: &Task) {
    let result = task.result.as_ref().map(|result| &result.sha256);
    let file = job.delivered.as_ref().map(|(sha256, _)| sha256);
    job.task = Some(task.id);
    job.state = match task.state {
        State::Succeeded if file != result => State::Downloading,
        state => state,
    };
}
