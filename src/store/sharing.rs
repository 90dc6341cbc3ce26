//! Jobs and the tasks they share: which task a job joins, and what becomes of a task that a job leaves.
//!
//! All of it runs inside the caller's transaction. Nothing here decides about payment: a task is unique by
//! request and take, so whoever asks for both gets the task that exists.

use rusqlite::{Connection, OptionalExtension as _};

use super::{Conflict, StoreError, job_row, job_row::JobRow, record, task_row};
use crate::job::{
    Delivery, Job, JobId, JobSpec, Media, Moment, Outcome, Policy, Source, State, TAKE_MAX, Task,
    TaskId, apply,
};

/// Why jobs cannot be pointed to tasks.
pub(super) enum Stop {
    Conflict(Conflict),
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Points jobs to tasks, in one transaction.
#[derive(Clone, Copy)]
pub(super) struct Sharing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) moment: Moment,
    pub(super) policy: &'a Policy,
}

/// Which task a job is pointed to.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    pub(super) take: u32,
    /// The turn of a task that is new.
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
    WHERE t.own_task_id = ?1 AND t.request_hash <> ?2
      AND (t.first_sent_at_ms IS NOT NULL OR t.task_id IS NOT NULL
        OR t.state NOT IN ('cancelled', 'failed') AND EXISTS (
          SELECT 1 FROM job WHERE task_row = t.id AND id <> ?3))
    LIMIT 1";

/// What an absent job failed at stays with it: it does not run again before it returns.
const DETACH_ABSENT: &str = "
    UPDATE job SET task_row = NULL, error_code = task.error_code, error = task.error,
      error_reason = task.error_reason, revision = job.revision + 1
    FROM task WHERE job.task_row = ?1 AND task.id = ?1 AND job.id <> ?2 AND job.absent_since_ms IS NOT NULL";
const ASKED_TOGETHER: &str = "
    SELECT max(priority), nullif(min(not_before), 0) FROM (
      SELECT ?3 AS priority, coalesce(?4, 0) AS not_before
      UNION ALL
      SELECT priority, coalesce(not_before_at_ms, 0) FROM job WHERE task_row = ?1 AND id <> ?2)";
pub(in crate::store) const FIRST_JOB: &str = "
    SELECT id FROM job INDEXED BY job_task WHERE task_row = ?1 AND id <> ?2 ORDER BY absent_since_ms, id LIMIT 1";
/// Ends at the first job that is as urgent as the task: it does not read all jobs, as [`ALIGN`] does.
pub(in crate::store) const AS_URGENT: &str = "
    SELECT EXISTS (SELECT 1 FROM job INDEXED BY job_task WHERE task_row = ?1 AND priority >= ?2)
      AND EXISTS (SELECT 1 FROM job INDEXED BY job_task WHERE task_row = ?1 AND coalesce(not_before_at_ms, 0) <= ?3)";
/// Changes nothing where nothing differs.
pub(in crate::store) const ALIGN: &str = "
    UPDATE task SET revision = revision + 1, priority = asked.priority, not_before_at_ms = asked.not_before,
      due_at_ms = CASE WHEN state = 'waiting' THEN coalesce(asked.not_before, 0) ELSE due_at_ms END
    FROM (SELECT max(priority) AS priority, nullif(min(coalesce(not_before_at_ms, 0)), 0) AS not_before
      FROM job WHERE task_row = ?1) asked
    WHERE task.id = ?1 AND task.state IN ('waiting', 'queued', 'identified') AND asked.priority IS NOT NULL
      AND ((task.priority, task.not_before_at_ms) IS NOT (asked.priority, asked.not_before)
        OR task.state = 'waiting' AND task.due_at_ms <> coalesce(asked.not_before, 0))";

impl<'a> Sharing<'a> {
    /// For what happens at Kling: no failure is judged there.
    pub(super) fn of_api(connection: &'a Connection, now_ms: i64) -> Self {
        const POLICY: Policy = Policy {
            retry_initial_ms: 1,
            retry_max_ms: 1,
            give_up_after_ms: 1,
            create_settle_ms: 1,
        };
        Self { connection, moment: Moment { now_ms, chance: 0.0 }, policy: &POLICY }
    }

    /// The take that a job joins: the one it was asked for, else the highest that has not failed.
    pub(super) fn take_to_join(&self, job: &Job) -> Result<u32, StoreError> {
        if let Some(take) = job.retry_take.or(job.spec.take) {
            return Ok(take);
        }
        let mut highest = self.connection.prepare_cached(HIGHEST_TAKE)?;
        let take = highest.query_row([&job.request_hash], |row| row.get(0)).optional()?;
        Ok(take.unwrap_or(1))
    }

    /// The take that a retry moves on to from `take`: the next one that has not failed.
    pub(super) fn take_after(&self, request_hash: &str, take: u32) -> Result<u32, StoreError> {
        let mut failed = self.connection.prepare_cached(
            "SELECT 1 FROM task WHERE request_hash = ?1 AND take = ?2 AND state = 'failed'
               AND task_id IS NOT NULL",
        )?;
        let mut next = take.saturating_add(1);
        while failed.exists((request_hash, next))? {
            next = next.saturating_add(1);
        }
        Ok(next)
    }

    /// The beginning of the queue of one priority: a manifest that joins starts there, so that it neither
    /// waits behind all that were there before, nor overtakes them all.
    pub(super) fn turn(&self, priority: i32) -> Result<i64, StoreError> {
        let mut first = self.connection.prepare_cached(FIRST_TURN)?;
        Ok(first.query_row([priority], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// Points a job to the task of its request and `wish.take`: joins it, revives it, or makes it. The job is
    /// changed in memory alone; a task that it pointed to before is the caller's to [release](Self::release).
    pub(super) fn point(&self, job: &mut Job, wish: Wish) -> Result<(), Stop> {
        let Some(request_hash) = job.request_hash.clone() else {
            let what = "a job without its media was to get a task".to_owned();
            return Err(StoreError::Nonsense { key: job.spec.key.clone(), what }.into());
        };
        if wish.take > TAKE_MAX {
            let what = format!("its request was made in {TAKE_MAX} takes, and there are no more");
            return Err(Stop::Conflict(Conflict { key: job.spec.key.clone(), what }));
        }
        self.require_name(job, &request_hash)?;
        job.failure = None;
        job.delivery = Delivery::default();
        (job.changed_after_sent, job.dismissed) = (false, false);
        job.media.missing = None;
        if job.delivered.is_none() {
            job.output.clone_from(&job.spec.output);
        }
        let task = match self.find(&request_hash, wish.take)? {
            None => self.make(job, request_hash, wish)?,
            Some(task) => self.join(job, task, wish)?,
        };
        job.task = Some(task.id);
        job.state = match task.state {
            State::Succeeded if has_result(job, &task) => State::Succeeded,
            State::Succeeded => State::Downloading,
            state => state,
        };
        Ok(())
    }

    fn find(&self, request_hash: &str, take: u32) -> Result<Option<Task>, StoreError> {
        let sql = task_row::select(None, "WHERE t.request_hash = ?1 AND t.take = ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row((request_hash, take), task_row::read).optional()?)
    }

    /// An own `external_task_id` belongs to one request.
    fn require_name(&self, job: &Job, request_hash: &str) -> Result<(), Stop> {
        let Some(name) = &job.spec.external_task_id else { return Ok(()) };
        let mut used = self.connection.prepare_cached(NAME_USED)?;
        let other: Option<String> =
            used.query_row((name, request_hash, job.id), |row| row.get(0)).optional()?;
        match other {
            None => Ok(()),
            Some(other) => {
                let what = format!(
                    "its external_task_id {name} was used by job {other} for another request; give \
                     this one another name"
                );
                Err(Stop::Conflict(Conflict { key: job.spec.key.clone(), what }))
            }
        }
    }

    fn make(&self, job: &Job, request_hash: String, wish: Wish) -> Result<Task, StoreError> {
        let own = job.spec.external_task_id.as_deref();
        let name = Task::name_of(&request_hash, own, wish.take);
        let (spec, media) = (job.spec.clone(), job.media.clone());
        let mut task = Task::new(spec, media, request_hash, wish.take, name);
        (task.lead, task.turn) = (job.id, wish.turn);
        task.sessions_after_ms = wish.sessions_after_ms;
        task.media_dir = job.manifest_dir().to_owned();
        if let Some(at_ms) = job.spec.not_before_at_ms.filter(|at_ms| *at_ms > self.moment.now_ms) {
            (task.state, task.due_at_ms) = (State::Waiting, at_ms);
        }
        task.id = task_row::insert(self.connection, &task, self.moment.now_ms)?;
        Ok(task)
    }

    fn join(&self, job: &Job, task: Task, wish: Wish) -> Result<Task, StoreError> {
        let is_ended =
            task.state == State::Succeeded || task.was_accepted() && task.state == State::Failed;
        if is_ended {
            return Ok(task);
        }
        if matches!(task.state, State::Cancelled | State::Failed) {
            self.connection.prepare_cached(DETACH_ABSENT)?.execute((task.id, job.id))?;
            let task = self.lead(&task, &self.with_others(job, task.id)?)?;
            let sessions_after_ms = wish.sessions_after_ms;
            return self.apply_but(&task, Outcome::Revived { sessions_after_ms }, job.id);
        }
        if task.is_superseded {
            return self.lead(&task, job);
        }
        let task = self.renew_links(&task, job)?;
        self.hurry(&task, job)
    }

    /// Returns the job with the highest priority and the earliest `not_before` of itself and the jobs of a task.
    fn with_others(&self, job: &Job, id: TaskId) -> Result<Job, StoreError> {
        let mut together = job.clone();
        let spec = &mut together.spec;
        let own = (id, job.id, spec.priority, spec.not_before_at_ms);
        let mut asked = self.connection.prepare_cached(ASKED_TOGETHER)?;
        (spec.priority, spec.not_before_at_ms) =
            asked.query_row(own, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(together)
    }

    /// A shared task has the highest priority and the earliest `not_before` of its jobs.
    fn hurry(&self, task: &Task, job: &Job) -> Result<Task, StoreError> {
        let priority = task.spec.priority.max(job.spec.priority);
        let not_before = |at_ms: Option<i64>| at_ms.unwrap_or(0);
        let earlier =
            not_before(job.spec.not_before_at_ms) < not_before(task.spec.not_before_at_ms);
        if priority == task.spec.priority && !earlier {
            return Ok(task.clone());
        }
        let not_before_at_ms =
            if earlier { job.spec.not_before_at_ms } else { task.spec.not_before_at_ms };
        self.connection
            .prepare_cached(
                "UPDATE task SET priority = ?2, not_before_at_ms = ?3, revision = revision + 1,
                   due_at_ms = CASE WHEN state = 'waiting' THEN coalesce(?3, 0) ELSE due_at_ms END
                 WHERE id = ?1",
            )?
            .execute((task.id, priority, not_before_at_ms))?;
        self.reread(task.id)
    }

    /// Lets `job` lead a task, and returns the task as it is then: the row of a new job is not written yet. While
    /// nothing was sent, the task is spelled as this job does; after that only its local files are looked for where
    /// this job has them.
    fn lead(&self, task: &Task, job: &Job) -> Result<Task, StoreError> {
        let mut led = Task {
            revision: task.revision + 1,
            lead: job.id,
            lead_file: job.delivered.clone(),
            is_superseded: false,
            ..task.clone()
        };
        let same_request = job.request_hash.as_ref() == Some(&task.request_hash);
        if task.was_never_sent() {
            let (take, output) = (Some(task.take), job.spec.output.clone());
            led.spec = JobSpec { take, output, ..job.spec.clone() };
            let audio_ms = job.media.audio_ms.or(task.media.audio_ms);
            led.media = Media { audio_ms, ..job.media.clone() };
            job.manifest_dir().clone_into(&mut led.media_dir);
        } else if same_request {
            for (to, from) in
                [(&mut led.spec.audio, &job.spec.audio), (&mut led.spec.video, &job.spec.video)]
            {
                if matches!(from, Source::File(_)) {
                    to.clone_from(from);
                }
            }
            job.manifest_dir().clone_into(&mut led.media_dir);
        }
        task_row::update_request(self.connection, &led)?;
        Ok(led)
    }

    /// A job is spelled anew: the newest addresses are the ones that are sent, and of the job that leads the task all
    /// else, as far as nothing was sent.
    pub(super) fn respell(&self, job: &Job) -> Result<(), StoreError> {
        let Some(id) = job.task else { return Ok(()) };
        let task = self.reread(id)?;
        let same_request = job.request_hash.as_ref() == Some(&task.request_hash);
        if same_request && !task.was_accepted() && !task.state.is_finished() {
            let task = self.renew_links(&task, job)?;
            if task.lead == job.id {
                self.lead(&task, job)?;
            }
        }
        self.align(id)
    }

    /// Two URLs of one request differ in their signatures: a task that Kling has not accepted gets the newer ones.
    fn renew_links(&self, task: &Task, job: &Job) -> Result<Task, StoreError> {
        let mut renewed = task.clone();
        let links = [
            (&mut renewed.spec.audio, &job.spec.audio),
            (&mut renewed.spec.video, &job.spec.video),
        ];
        for (old, new) in links {
            if matches!((&*old, new), (Source::Url(_), Source::Url(_))) {
                old.clone_from(new);
            }
        }
        if renewed.spec != task.spec {
            renewed.revision += 1;
            task_row::update_request(self.connection, &renewed)?;
        }
        Ok(renewed)
    }

    /// Gives a task that was not created the highest priority and the earliest `not_before` of its jobs, whose
    /// rows are written.
    fn align(&self, id: TaskId) -> Result<(), StoreError> {
        self.connection.prepare_cached(ALIGN)?.execute([id])?;
        let task = self.reread(id)?;
        let starts = matches!(task.state, State::Queued | State::Identified) && task.is_uncreated();
        match task.spec.not_before_at_ms.filter(|at_ms| starts && *at_ms > self.moment.now_ms) {
            Some(until_ms) => {
                self.apply_but(&task, Outcome::Postponed { until_ms }, record::NO_JOB).map(drop)
            }
            None => Ok(()),
        }
    }

    /// A job does not point to that task any more, which is written already. Without any job left, a task
    /// that was not sent is cancelled; with others, the first of them leads it.
    pub(super) fn release(&self, id: TaskId, left: JobId) -> Result<(), StoreError> {
        let Some(task) = record::task(self.connection, id)? else { return Ok(()) };
        if task.state.is_finished() {
            return Ok(());
        }
        let Some(next) = self.first_job(id, left)? else {
            return match task.is_uncreated() {
                true => self.apply_but(&task, Outcome::Abandoned, left).map(drop),
                false => Ok(()),
            };
        };
        if task.lead == left
            && let Some(JobRow { mut job, .. }) = job_row::by_id(self.connection, next)?
        {
            job.spec.priority = task.spec.priority;
            job.spec.not_before_at_ms = task.spec.not_before_at_ms;
            self.lead(&task, &job)?;
        }
        // Only the job that was the most urgent one changes how urgent the task is.
        let urgency = (id, task.spec.priority, task.spec.not_before_at_ms.unwrap_or(0));
        let mut as_urgent = self.connection.prepare_cached(AS_URGENT)?;
        match as_urgent.query_row(urgency, |row| row.get(0))? {
            true => Ok(()),
            false => self.align(id),
        }
    }

    /// Returns the first job that points to a task, except `but`: those in the folder come first.
    pub(super) fn first_job(&self, id: TaskId, but: JobId) -> Result<Option<JobId>, StoreError> {
        let mut first = self.connection.prepare_cached(FIRST_JOB)?;
        Ok(first.query_row((id, but), |row| row.get(0)).optional()?)
    }

    /// Writes what an outcome makes of a task; the job `but` is written by the caller.
    pub(super) fn apply_but(
        &self,
        task: &Task,
        outcome: Outcome,
        but: JobId,
    ) -> Result<Task, StoreError> {
        let transition = apply(task, outcome, &self.moment, self.policy).map_err(|illegal| {
            StoreError::Nonsense { key: illegal.key.clone(), what: illegal.to_string() }
        })?;
        record::record_but(self.connection, &transition, None, self.moment.now_ms, but)
    }

    pub(super) fn reread(&self, id: TaskId) -> Result<Task, StoreError> {
        record::task(self.connection, id)?.ok_or_else(|| StoreError::Nonsense {
            key: String::new(),
            what: format!("task row {id}, which is not there"),
        })
    }
}

/// Whether the file that a job has is the result of that task.
fn has_result(job: &Job, task: &Task) -> bool {
    let result = task.result.as_ref().map(|result| &result.sha256);
    result.is_some() && job.delivered.as_ref().map(|(sha256, _)| sha256) == result
}
