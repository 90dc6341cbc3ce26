//! The task that a job had before a retry, used again because Kling shows it after all.

use super::{
    Store, StoreError, job_row,
    job_row::JobRow,
    record::{NO_JOB, add_event},
    sharing::Sharing,
    take::unmoved,
};
use crate::job::{Moment, Outcome, Policy, State, Task};

/// What a task failed at that Kling did not show. Of one whose result expired, there is nothing left to use.
const LOST: &str = "task_gone";

impl Store {
    /// Returns the task that the lead job of `task` had before a retry, if it failed only because Kling did not
    /// show it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn lost_earlier_task(&self, task: &Task) -> Result<Option<Task>, StoreError> {
        let lead = task.lead;
        self.read(move |connection| {
            let earlier = job_row::by_id(connection, lead)?.and_then(|row| row.job.earlier_task);
            let Some(earlier) = earlier else { return Ok(None) };
            let is_lost = |task: &Task| {
                task.state == State::Failed
                    && task.was_accepted()
                    && task.failure.as_ref().is_some_and(|failure| failure.code == LOST)
            };
            Ok(super::record::task(connection, earlier)?.filter(is_lost))
        })
        .await
    }

    /// Takes the retry of the lead job of `task` back: the job follows its earlier task again. Returns `task` as it is
    /// then: cancelled, if no other job asks for it.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody moved the task since it was read.
    pub async fn follow_earlier(
        &self,
        task: Task,
        moment: Moment,
        policy: Policy,
    ) -> Result<Task, StoreError> {
        self.write(move |connection| {
            let sharing = Sharing { connection, moment, policy: &policy };
            let now = unmoved(connection, &task)?;
            let Some(JobRow { mut job, manifest_id }) = job_row::by_id(connection, now.lead)?
            else {
                return Ok(now);
            };
            let Some(earlier) = job.earlier_task.filter(|_| job.task == Some(now.id)) else {
                return Ok(now);
            };
            let before = job.state;
            let earlier = sharing.reread(earlier)?;
            let earlier = match sharing.first_job(earlier.id, NO_JOB)? {
                Some(_) => earlier,
                None => sharing.lead(&earlier, &job)?,
            };
            let followed = sharing.apply_but(&earlier, Outcome::FollowedAgain, job.id)?;
            (job.task, job.earlier_task) = (Some(followed.id), None);
            (job.retry_take, job.failure, job.state) = (None, None, followed.state);
            job_row::save(connection, &mut job, manifest_id, moment.now_ms)?;
            let what = "Kling still shows its earlier task: it is followed, and nothing is paid";
            add_event(connection, job.id, Some(before), job.state, what, None, moment.now_ms)?;
            sharing.release(now.id, job.id)?;
            sharing.reread(now.id)
        })
        .await
    }
}
