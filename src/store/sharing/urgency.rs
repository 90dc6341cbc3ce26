//! The urgency of a task: the highest priority and the earliest `not_before` of its jobs.

use super::Sharing;
use crate::{
    job::{Job, Outcome, State, Task, TaskId},
    store::{StoreError, record, sql::Sql as _},
};

const ASKED_TOGETHER: &str = "
    SELECT max(priority), nullif(min(not_before), 0) FROM (
      SELECT ?3 AS priority, coalesce(?4, 0) AS not_before
      UNION ALL
      SELECT priority, coalesce(not_before_at_ms, 0) FROM job WHERE task_row = ?1 AND id <> ?2)";
/// Stops at the first job that is as urgent as the task, while [`ALIGN`] reads all its jobs.
pub(in crate::store) const AS_URGENT: &str = "
    SELECT EXISTS (SELECT 1 FROM job INDEXED BY job_task WHERE task_row = ?1 AND priority >= ?2)
      AND EXISTS (SELECT 1 FROM job INDEXED BY job_task WHERE task_row = ?1 AND coalesce(not_before_at_ms, 0) <= ?3)";
/// Writes only if something differs.
pub(in crate::store) const ALIGN: &str = "
    UPDATE task SET revision = revision + 1, priority = asked.priority, not_before_at_ms = asked.not_before,
      due_at_ms = CASE WHEN state = 'waiting' THEN coalesce(asked.not_before, 0) ELSE due_at_ms END
    FROM (SELECT max(priority) AS priority, nullif(min(coalesce(not_before_at_ms, 0)), 0) AS not_before
      FROM job WHERE task_row = ?1) asked
    WHERE task.id = ?1 AND task.state IN ('waiting', 'queued', 'identified') AND asked.priority IS NOT NULL
      AND ((task.priority, task.not_before_at_ms) IS NOT (asked.priority, asked.not_before)
        OR task.state = 'waiting' AND task.due_at_ms <> coalesce(asked.not_before, 0))";

impl Sharing<'_> {
    /// Returns `job` with the highest priority and the earliest `not_before` of it and the jobs of a task.
    pub(in crate::store) fn with_others(&self, job: &Job, id: TaskId) -> Result<Job, StoreError> {
        let mut together = job.clone();
        let spec = &mut together.spec;
        let own = (id, job.id, spec.priority, spec.not_before_at_ms);
        (spec.priority, spec.not_before_at_ms) =
            self.connection.row(ASKED_TOGETHER, own, |row| row.try_into())?;
        Ok(together)
    }

    pub(in crate::store) fn hurry(&self, task: &Task, job: &Job) -> Result<Task, StoreError> {
        let priority = task.spec.priority.max(job.spec.priority);
        let not_before = |at_ms: Option<i64>| at_ms.unwrap_or(0);
        let earlier =
            not_before(job.spec.not_before_at_ms) < not_before(task.spec.not_before_at_ms);
        if priority == task.spec.priority && !earlier {
            return Ok(task.clone());
        }
        let not_before_at_ms =
            if earlier { job.spec.not_before_at_ms } else { task.spec.not_before_at_ms };
        self.connection.run(
            "UPDATE task SET priority = ?2, not_before_at_ms = ?3, revision = revision + 1,
                   due_at_ms = CASE WHEN state = 'waiting' THEN coalesce(?3, 0) ELSE due_at_ms END
                 WHERE id = ?1",
            (task.id, priority, not_before_at_ms),
        )?;
        self.reread(task.id)
    }

    /// Gives a task that was not created the urgency of its jobs, whose rows are written already.
    pub(in crate::store) fn align(&self, id: TaskId) -> Result<(), StoreError> {
        self.connection.run(ALIGN, [id])?;
        let task = self.reread(id)?;
        let starts = matches!(task.state, State::Queued | State::Identified) && task.is_uncreated();
        match task.spec.not_before_at_ms.filter(|at_ms| starts && *at_ms > self.moment.now_ms) {
            Some(until_ms) => {
                self.apply_but(&task, Outcome::Postponed { until_ms }, record::NO_JOB).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Whether a task is as urgent as before after a job has left it.
    pub(in crate::store) fn is_as_urgent(&self, task: &Task) -> Result<bool, StoreError> {
        let urgency = (task.id, task.spec.priority, task.spec.not_before_at_ms.unwrap_or(0));
        self.connection.value(AS_URGENT, urgency)
    }
}
