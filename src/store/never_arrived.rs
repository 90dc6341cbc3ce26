//! A task whose create request never arrived at Kling: nothing is paid, so that its jobs get what they ask for now.

use super::{
    Store, StoreError, job_row,
    job_row::JobRow,
    record::NO_JOB,
    sharing::{Sharing, SharingError, TaskChoice},
    take::unchanged,
};
use crate::job::{Moment, Outcome, Policy, State, Task};

const CHANGED: &str = "the create request never arrived at Kling, and the request has changed";

impl Store {
    /// Compares a task whose create request never arrived with what its jobs ask for now. A job whose request changed
    /// gets the task of its new request. An orphaned job is cancelled. With `media_changed`, the reason, the lead job
    /// waits because its file has other content now.
    ///
    /// Returns the task, which is cancelled if no job is left, and whether a job in the folder asks for it.
    /// Fails with [`StoreError::Stale`] if the task changed since it was read.
    pub async fn never_arrived(
        &self,
        task: Task,
        media_changed: Option<String>,
        moment: Moment,
        policy: Policy,
    ) -> Result<(Task, bool), StoreError> {
        self.write(move |connection| {
            let sharing = Sharing { connection, moment, policy: &policy };
            reconsider(sharing, &unchanged(connection, &task)?, media_changed.as_ref())
        })
        .await
    }
}

/// Does the same inside the caller's transaction.
pub(super) fn reconsider(
    sharing: Sharing<'_>,
    task: &Task,
    media_changed: Option<&String>,
) -> Result<(Task, bool), StoreError> {
    let mut is_asked = false;
    for (id, ..) in job_row::of_task(sharing.connection, task.id)? {
        let Some(row) = job_row::by_id(sharing.connection, id)? else { continue };
        let changed = media_changed.filter(|_| id == task.lead);
        is_asked |= compare(sharing, task, row, changed)?;
    }
    let mut task = sharing.reread(task.id)?;
    if sharing.first_job(task.id, NO_JOB)?.is_none() && !task.state.is_finished() {
        task = sharing.apply_but(&task, Outcome::Abandoned, NO_JOB)?;
    }
    if task.state.is_unsent() {
        // Jobs may have left the task while it was sent, and its priority may be theirs.
        sharing.align(task.id)?;
        task = sharing.reread(task.id)?;
    }
    Ok((task, is_asked))
}

/// Returns whether the job is in the folder and still asks for the task.
fn compare(
    sharing: Sharing<'_>,
    task: &Task,
    mut row: JobRow,
    media_changed: Option<&String>,
) -> Result<bool, StoreError> {
    let before = row.job.clone();
    let job = &mut row.job;
    let is_changed = job.request_hash.as_ref() != Some(&task.request_hash);
    let what = if job.absent_since_ms.is_some() {
        if job.orphaned_at_ms.is_none() && task.state == State::Creating {
            return Ok(false);
        }
        job.leave_uncreated().to_owned()
    } else if job.request_hash.is_none() {
        // The manifest is read again before its media are checked.
        (job.state, job.task) = (State::Waiting, None);
        job.media.wait_reason =
            Some("the media of its changed request are not checked yet".to_owned());
        CHANGED.to_owned()
    } else if is_changed {
        let take = sharing.take_to_join(job)?;
        let turn = sharing.turn(job.spec.priority)?;
        match sharing.point(job, TaskChoice { take, turn, sessions_after_ms: 0 }) {
            Ok(()) => CHANGED.to_owned(),
            Err(SharingError::Store(error)) => return Err(error),
            // Its new request conflicts with another job, so that the job keeps this task.
            Err(SharingError::Conflict(_)) => return Ok(true),
        }
    } else if let Some(what) = media_changed {
        (job.state, job.task) = (State::Waiting, None);
        job.media.wait_reason = Some(what.clone());
        what.clone()
    } else {
        return Ok(true);
    };
    sharing.save(&mut row, &before, &what)?;
    Ok(false)
}
