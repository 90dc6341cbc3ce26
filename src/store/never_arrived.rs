//! A task whose create request never arrived at Kling: it was not created, so what its jobs ask now counts.

use super::{
    Store, StoreError, job_row,
    job_row::JobRow,
    record::NO_JOB,
    sharing::{Sharing, Stop, Wish},
    take::unmoved,
};
use crate::job::{Moment, Outcome, Policy, State, Task};

impl Store {
    /// Compares a task whose create request never arrived with what its jobs ask now: a job whose request changed
    /// gets the task of its new request, a job that left the folder is cancelled. The lead job waits if
    /// `media_changed` says, in words, that its file has other content by now.
    ///
    /// Returns the task, which is cancelled if no job is left, and whether a job in the folder asks for it.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody moved the task since it was read.
    pub async fn never_arrived(
        &self,
        task: Task,
        media_changed: Option<String>,
        moment: Moment,
        policy: Policy,
    ) -> Result<(Task, bool), StoreError> {
        self.write(move |connection| {
            let sharing = Sharing { connection, moment, policy: &policy };
            reconsider(sharing, &unmoved(connection, &task)?, media_changed.as_ref())
        })
        .await
    }
}

/// The same inside the caller's transaction.
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
        // While it was sent, jobs left it whose priority it has.
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
        // The manifest is read again before its media are looked at.
        (job.state, job.task) = (State::Waiting, None);
        job.media.wait_reason = Some("the media of its changed request to be looked at".to_owned());
        "its create request never arrived, and its request changed".to_owned()
    } else if is_changed {
        let take = sharing.take_to_join(job)?;
        let turn = sharing.turn(job.spec.priority)?;
        match sharing.point(job, Wish { take, turn, sessions_after_ms: 0 }) {
            Ok(()) => "its create request never arrived, and its request changed".to_owned(),
            Err(Stop::Store(error)) => return Err(error),
            // Its new request cannot be made: the one that is flagged stays.
            Err(Stop::Conflict(_)) => return Ok(true),
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
