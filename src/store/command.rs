//! What people do to one job by a command. The command is checked and written in one transaction, so that it
//! applies only while the job is what the person chose.

use super::{
    Store, StoreError,
    job_row::JobRow,
    job_state::{JobState, job_state, next_take},
    record::NO_JOB,
    sharing::{Sharing, SharingError, TaskChoice, show},
    sql::Sql as _,
    transition,
};
use crate::job::{
    CANCELLED, Delivery, FETCH, Failure, Moment, Outcome, Policy, RETRY, State, Task, apply,
    retried_take,
};

/// What a command does to a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Asks for another take, or for the same take if Kling never accepted it.
    Retry,
    /// Cancels the job.
    Cancel,
    /// Delivers its file again.
    Fetch,
    /// Dismisses the job, or undoes that; a changed job keeps its result.
    Dismiss(bool),
    /// Applies this outcome to its task.
    Task(Outcome),
}

/// A command that cannot be carried out.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CommandFailure<E> {
    #[error("no job has this key")]
    Unknown,
    #[error("refused")]
    Refused(E),
    #[error("{0}")]
    Conflict(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Carries out the command that `decide` chooses for the job of that key. Returns the job after the command.
    pub async fn command<E: Send + 'static>(
        &self,
        key: &str,
        decide: impl Fn(&JobState) -> Result<Command, E> + Send + 'static,
        moment: Moment,
        policy: Policy,
    ) -> Result<JobState, CommandFailure<E>> {
        let key = key.to_owned();
        let done = self.write(move |connection| {
            let Some(state) = job_state(connection, &key)? else {
                return Ok(Err(CommandFailure::Unknown));
            };
            let command = match decide(&state) {
                Ok(command) => command,
                Err(refusal) => return Ok(Err(CommandFailure::Refused(refusal))),
            };
            let sharing = Sharing { connection, moment, policy: &policy };
            match carry_out(sharing, state, command) {
                Ok(()) => {}
                Err(SharingError::Conflict(conflict)) => {
                    return Ok(Err(CommandFailure::Conflict(conflict.what)));
                }
                Err(SharingError::Store(error)) => return Err(error),
            }
            Ok(job_state(connection, &key)?.ok_or(CommandFailure::Unknown))
        });
        done.await?
    }
}

fn carry_out(sharing: Sharing<'_>, state: JobState, command: Command) -> Result<(), SharingError> {
    let to_decide = state.to_decide().cloned();
    let JobState { job, task, .. } = state;
    let manifest_id =
        sharing.connection.value("SELECT manifest_id FROM job WHERE id = ?1", [job.id])?;
    let row = JobRow { job, manifest_id };
    match command {
        Command::Retry => retry(sharing, row, task.as_ref()),
        Command::Cancel => cancel(sharing, row),
        Command::Fetch => fetch(sharing, row),
        Command::Dismiss(dismissed) => dismiss(sharing, row, task.as_ref(), dismissed),
        Command::Task(outcome) => {
            let Some(task) = to_decide.or(task.filter(Task::is_not_found)) else { return Ok(()) };
            let transition =
                apply(&task, outcome, &sharing.moment, sharing.policy).map_err(StoreError::from)?;
            transition::record(sharing.connection, &transition, None, sharing.moment.now_ms)?;
            Ok(())
        }
    }
}

fn retry(sharing: Sharing<'_>, mut row: JobRow, task: Option<&Task>) -> Result<(), SharingError> {
    let (before, sessions_after_ms) = (row.job.clone(), sharing.moment.now_ms);
    let job = &mut row.job;
    let accepted = task.filter(|task| task.was_accepted());
    if accepted.is_some() {
        job.earlier_task = before.task;
    }
    let Some((_, take)) = next_take(sharing.connection, job, task)? else {
        // Its media could not be used, or were never read.
        (job.state, job.task, job.failure) = (State::Waiting, None, None);
        job.changed_after_sent = false;
        job.media.wait_reason = Some("its media are not checked yet".to_owned());
        let what = format!("{RETRY} its media are checked again");
        return Ok(sharing.save(&mut row, &before, &what)?);
    };
    if accepted.is_some() {
        job.retry_take = Some(take);
    }
    let turn = sharing.turn(job.spec.priority)?;
    sharing.point(job, TaskChoice { take, turn, sessions_after_ms })?;
    let points_to = job.task.map(|id| sharing.reread(id)).transpose()?;
    let take = retried_take(take, job, accepted);
    let what = match points_to.is_some_and(|task| task.was_accepted()) {
        true => format!("{RETRY} {take} already exists and is used"),
        false => format!("{RETRY} {take} begins"),
    };
    Ok(sharing.save(&mut row, &before, &what)?)
}

/// The job returns to its earlier result, or is cancelled.
fn cancel(sharing: Sharing<'_>, mut row: JobRow) -> Result<(), SharingError> {
    let before = row.job.clone();
    let job = &mut row.job;
    let earlier = job.earlier_task.take().map(|id| sharing.reread(id)).transpose()?;
    // A task that was not created, or ended before Kling accepted it, has no result to return to.
    let may_exist = |task: &Task| !task.is_uncreated() && !task.state.is_finished();
    let earlier = earlier.filter(|task| task.was_accepted() || may_exist(task));
    (job.retry_take, job.media.wait_reason) = (None, None);
    let what = match earlier {
        Some(task) => {
            if !task.state.is_finished() && sharing.first_job(task.id, NO_JOB)?.is_none() {
                sharing.lead(&task, job)?;
            }
            job.failure = None;
            job.changed_after_sent = job.request_hash.as_ref() != Some(&task.request_hash);
            show(job, &task);
            format!("{CANCELLED}: the job has its earlier task again")
        }
        None => {
            (job.state, job.task) = (State::Cancelled, None);
            let failure = Failure { code: "cancelled".to_owned(), message: CANCELLED.to_owned() };
            job.failure = Some(failure);
            CANCELLED.to_owned()
        }
    };
    Ok(sharing.save(&mut row, &before, &what)?)
}

fn fetch(sharing: Sharing<'_>, mut row: JobRow) -> Result<(), SharingError> {
    let before = row.job.clone();
    let job = &mut row.job;
    (job.state, job.failure, job.delivery) = (State::Downloading, None, Delivery::default());
    let what = format!("{FETCH} its result is delivered again");
    Ok(sharing.save(&mut row, &before, &what)?)
}

fn dismiss(
    sharing: Sharing<'_>,
    mut row: JobRow,
    task: Option<&Task>,
    dismissed: bool,
) -> Result<(), SharingError> {
    let before = row.job.clone();
    let job = &mut row.job;
    // A job that has not failed may fail later, and that must be counted.
    job.dismissed = dismissed && job.state == State::Failed;
    let has_changed =
        |task: &Task| job.request_hash.as_ref().is_some_and(|asked| *asked != task.request_hash);
    job.changed_after_sent = !dismissed && task.is_some_and(has_changed);
    let what = if dismissed { "dismissed" } else { "dismissal undone" };
    Ok(sharing.save(&mut row, &before, what)?)
}
