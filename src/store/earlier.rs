//! Returns jobs to the task that they had before a retry, because Kling shows that task again.

use super::{
    Store, StoreError, event::record_change, find, job_row, job_row::JobRow, record::NO_JOB,
    sharing::Sharing, take::unchanged,
};
use crate::job::{Moment, Outcome, Policy, State, Task, TaskId};

/// The error code of a task that failed because Kling did not show it.
const LOST: &str = "task_gone";

impl Store {
    /// Returns the task that the lead job of `task` had before a retry of the same request, if that task failed only
    /// because Kling did not show it.
    pub async fn lost_earlier_task(&self, task: &Task) -> Result<Option<Task>, StoreError> {
        let (lead, request_hash) = (task.lead, task.request_hash.clone());
        self.read(move |connection| {
            let earlier = job_row::by_id(connection, lead)?.and_then(|row| row.job.earlier_task);
            let Some(earlier) = earlier else { return Ok(None) };
            let is_lost = |task: &Task| {
                let failure = task.failure.as_ref().map(|failure| failure.code.as_str());
                task.state == State::Failed
                    && task.was_accepted()
                    && failure == Some(LOST)
                    && task.request_hash == request_hash
            };
            Ok(find::task(connection, earlier)?.filter(is_lost))
        })
        .await
    }

    /// Undoes the retry of all jobs of `task` that had the earlier task: they point to the earlier task again. Returns
    /// `task`, which is cancelled if no other job asks for it.
    /// Fails with [`StoreError::Stale`] if the task changed since it was read.
    pub async fn follow_earlier(
        &self,
        task: Task,
        earlier: TaskId,
        moment: Moment,
        policy: Policy,
    ) -> Result<Task, StoreError> {
        self.write(move |connection| {
            let sharing = Sharing { connection, moment, policy: &policy };
            let now = unchanged(connection, &task)?;
            let mut earlier = sharing.reread(earlier)?;
            for (id, ..) in job_row::of_task(connection, now.id)? {
                let Some(JobRow { mut job, manifest_id }) = job_row::by_id(connection, id)? else {
                    continue;
                };
                if job.earlier_task != Some(earlier.id) {
                    continue;
                }
                if earlier.state == State::Failed {
                    if sharing.first_job(earlier.id, NO_JOB)?.is_none() {
                        earlier = sharing.lead(&earlier, &job)?;
                    }
                    earlier = sharing.apply_but(&earlier, Outcome::FollowedAgain, job.id)?;
                }
                let from = Some(job.state);
                (job.task, job.earlier_task) = (Some(earlier.id), None);
                (job.retry_take, job.failure, job.state) = (None, None, earlier.state);
                job_row::save(connection, &mut job, manifest_id, moment.now_ms)?;
                let what = "Kling still shows the earlier task, which is used: nothing is paid";
                record_change(connection, &job, from, what, moment.now_ms)?;
                sharing.release(now.id, id)?;
            }
            sharing.reread(now.id)
        })
        .await
    }
}
