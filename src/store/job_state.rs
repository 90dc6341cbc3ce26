//! A job with everything that a command needs to decide.

use rusqlite::Connection;

use super::{
    Candidate, Reader, StoreError, candidate, find, job_row, sharing::Sharing, sql::Sql as _,
};
use crate::job::{CreateAnswer, Job, State, Task, TaskId};

pub(super) const UNDECIDED: &str = "
    SELECT id FROM task INDEXED BY task_state
    WHERE state IN ('unresolved', 'creating') AND (state = 'unresolved' OR wait_reason IS NOT NULL)
      AND lead_job = ?1 AND id IS NOT ?2 AND NOT EXISTS (SELECT 1 FROM job WHERE task_row = task.id)
    ORDER BY state DESC, id DESC LIMIT 1";

/// A job with everything that a command needs to decide.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct JobState {
    /// The job, without its labels.
    pub job: Job,
    pub task: Option<Task>,
    pub manifest: String,
    pub earlier: Option<Task>,
    pub shares_with: Vec<String>,
    /// The request hash and take of the task that a retry would use; none while the media were not read.
    pub retry_task: Option<(String, u32)>,
    /// Whether a retry costs nothing: that task is paid, or in progress for other jobs.
    pub retry_is_free: bool,
    /// Its earlier task, if the create request of that task has an unknown outcome.
    pub undecided: Option<Task>,
    /// Tasks at Kling that may be [the undecided task](Self::to_decide).
    pub candidates: Vec<Candidate>,
    /// When (Unix ms) the account's task list was read far enough to find all candidates.
    pub listed_at_ms: Option<i64>,
}

impl JobState {
    /// Returns the task that a person may decide, because its create request has an unknown outcome. An unresolved task
    /// comes before a task that is still looked up.
    pub fn to_decide(&self) -> Option<&Task> {
        let own = |state| self.task.as_ref().filter(|task| task.state == state);
        own(State::Unresolved).or(self.undecided.as_ref()).or(own(State::Creating))
    }

    /// Returns why sending the create request of the task [to decide](Self::to_decide) again may pay twice; none: the
    /// task list was read far enough, and shows no candidate.
    pub fn resend_risk(&self) -> Option<ResendRisk> {
        let task = self.to_decide()?;
        let answer = task.create.as_ref().map(|create| create.answer);
        if let Some(first) = self.candidates.first() {
            return Some(ResendRisk::Candidate(first.task_id.clone()));
        }
        if task.state == State::Creating {
            return Some(ResendRisk::StillChecking);
        }
        if answer == Some(CreateAnswer::NameExists) {
            return Some(ResendRisk::NameExists);
        }
        self.listed_at_ms.is_none().then_some(ResendRisk::ListNotRead)
    }
}

/// Why sending a create request again may pay twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResendRisk {
    /// lipsyncd still looks the task up, and sends the request again automatically once the task is known to be absent.
    StillChecking,
    /// Kling answered that a task of the name exists.
    NameExists,
    /// The account's task list was not read far enough.
    ListNotRead,
    /// This task at Kling may be the task; there may be more candidates.
    Candidate(String),
}

impl Reader {
    /// Returns the job of that key with everything that a command needs, if there is one.
    pub fn job_state(&self, key: &str) -> Result<Option<JobState>, StoreError> {
        job_state(&self.connection, key)
    }
}

pub(super) fn job_state(
    connection: &Connection,
    key: &str,
) -> Result<Option<JobState>, StoreError> {
    let Some(row) = job_row::by_key(connection, key)? else { return Ok(None) };
    let job = row.job;
    let task = job.task.map(|id| find::task(connection, id)).transpose()?.flatten();
    let earlier = job.earlier_task.map(|id| find::task(connection, id)).transpose()?.flatten();
    let manifest = find::manifest_of(connection, job.id)?;
    let shares_with = connection.all(
        "SELECT key FROM job WHERE task_row = ?1 AND id <> ?2 ORDER BY id LIMIT 10",
        (job.task, job.id),
        |row| row.get(0),
    )?;
    let retry_task = next_take(connection, &job, task.as_ref())?;
    let retry_is_free = retry_task
        .as_ref()
        .map(|next| {
            connection
                .prepare_cached(
                    "SELECT 1 FROM task WHERE request_hash = ?1 AND take = ?2
           AND (task_id IS NOT NULL OR state NOT IN ('cancelled', 'failed'))",
                )?
                .exists((&next.0, next.1))
        })
        .transpose()?
        == Some(true);
    let undecided = undecided(connection, &job)?;
    let mut state = JobState {
        job,
        task,
        earlier,
        manifest,
        shares_with,
        retry_task,
        retry_is_free,
        undecided,
        candidates: Vec::new(),
        listed_at_ms: None,
    };
    if let Some(task) = state.to_decide() {
        (state.candidates, state.listed_at_ms) = candidate::of_task(connection, task.id)?;
    }
    Ok(Some(state))
}

/// Returns the task that a job led before its request changed, if the outcome of its create request is unknown. No job
/// points to that task, so that a person can decide it only through this job.
fn undecided(connection: &Connection, job: &Job) -> Result<Option<Task>, StoreError> {
    let id: Option<TaskId> = connection.first(UNDECIDED, (job.id, job.task), |row| row.get(0))?;
    Ok(id.map(|id| find::task(connection, id)).transpose()?.flatten())
}

pub(super) fn next_take(
    connection: &Connection,
    job: &Job,
    task: Option<&Task>,
) -> Result<Option<(String, u32)>, StoreError> {
    let Some(request_hash) = job.request_hash.clone() else { return Ok(None) };
    // The time does not matter: no outcome is applied.
    let sharing = Sharing::of_api(connection, 0);
    let take = match task {
        Some(task) if task.request_hash != request_hash => sharing.take_to_join(job)?,
        Some(task) if task.was_accepted() => sharing.take_after(&request_hash, task.take)?,
        Some(task) => task.take,
        None => sharing.take_to_join(job)?,
    };
    Ok(Some((request_hash, take)))
}
