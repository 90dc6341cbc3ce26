//! Writing a transition down: the job, its history and the day's account, in one transaction.

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::{Store, StoreError, candidate, phrase, row, spend};
use crate::job::{Job, JobId, State, Transition};

/// Which call of the API an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Identify Face.
    Identify,
    /// Create Task.
    Create,
    /// Query Task (Single).
    Query,
    /// Query Task (List).
    List,
}

impl Call {
    /// Its name in the database and the logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Create => "create",
            Self::Query => "query",
            Self::List => "list",
        }
    }

    /// Its number in the table `event`, whose view tells the name.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Identify => 1,
            Self::Create => 2,
            Self::Query => 3,
            Self::List => 4,
        }
    }
}

/// The number of a state in the table `state`: its place in a job's life, from 1.
pub(super) const fn number(state: State) -> i64 {
    state as i64 + 1
}

/// What of an answer is kept with a job's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The call it answers.
    pub call: Call,
    /// None: there was no answer.
    pub http_status: Option<u16>,
    /// The API's code.
    pub code: Option<i64>,
    /// The API's name for the request; support asks for it.
    pub request_id: Option<String>,
    /// What it cost, in millionths of a unit.
    pub units_micro: Option<i64>,
}

const INSERT_EVENT: &str = "
    INSERT INTO event (job_id, at_ms, from_state, to_state, phrase, what, call, http_status, code,
      request_id, units_micro)
    VALUES (:job_id, :at_ms, :from, :to, :phrase, nullif(:what, ''), :call, :http_status, :code,
      :request_id, :units_micro)";

impl Store {
    /// Writes `transition` down, with the API's answer that led to it, and returns the job as it
    /// stands now.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody moved the job since it was read, [`StoreError::TaskTaken`]
    /// when its task is another job's: then nothing is written.
    pub async fn record(
        &self,
        transition: Transition,
        answer: Option<Answer>,
        now_ms: i64,
    ) -> Result<Job, StoreError> {
        let recorded = self.record_for_log(transition, answer, now_ms).await?;
        Ok(recorded.0)
    }

    /// The same; returns the path of the job's manifest, too, which the log names with each change.
    ///
    /// # Errors
    /// As [`Store::record`].
    pub async fn record_for_log(
        &self,
        transition: Transition,
        answer: Option<Answer>,
        now_ms: i64,
    ) -> Result<(Job, String), StoreError> {
        self.write(move |connection| {
            let job = record(connection, &transition, answer.as_ref(), now_ms)?;
            let manifest = manifest_of(connection, job.id)?;
            Ok((job, manifest))
        })
        .await
    }

    /// Returns the path of the manifest of the job of that row.
    ///
    /// # Errors
    /// When the database cannot be read, or has no such job.
    pub async fn manifest_of(&self, id: JobId) -> Result<String, StoreError> {
        self.read(move |connection| manifest_of(connection, id)).await
    }

    /// Returns the job of that row, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.read(move |connection| {
            let sql = format!("{}WHERE j.id = ?1", row::SELECT_JOB);
            let mut statement = connection.prepare_cached(&sql)?;
            let job = statement.query_row([id], row::job_from_row).optional()?;
            job.map(|job| with_labels(connection, job)).transpose()
        })
        .await
    }

    /// Returns the job that the task of that id is, if it is one's.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn owner_of_task(&self, task_id: &str) -> Result<Option<JobId>, StoreError> {
        let task_id = task_id.to_owned();
        self.read(move |connection| {
            let sql = "SELECT id FROM job WHERE task_id = ?1 LIMIT 1";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row([&task_id], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Returns the job of that key, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn job_by_key(&self, key: &str) -> Result<Option<Job>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| {
            let sql = format!("{}WHERE j.key = ?1", row::SELECT_JOB);
            let mut statement = connection.prepare_cached(&sql)?;
            let job = statement.query_row([&key], row::job_from_row).optional()?;
            job.map(|job| with_labels(connection, job)).transpose()
        })
        .await
    }
}

fn manifest_of(connection: &Connection, id: JobId) -> Result<String, StoreError> {
    let sql = "SELECT path FROM manifest WHERE id = (SELECT manifest_id FROM job WHERE id = ?1)";
    Ok(connection.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)
}

/// Writes one transition inside the caller's transaction.
pub(super) fn record(
    connection: &Connection,
    transition: &Transition,
    answer: Option<&Answer>,
    now_ms: i64,
) -> Result<Job, StoreError> {
    let Transition { from, job, what, spend: spent, repeats } = transition;
    if job.state == State::Submitted {
        refuse_taken(connection, job)?;
    }
    if !row::update_progress(connection, job, *from, now_ms)? {
        return Err(StoreError::Stale { key: job.spec.key.clone() });
    }
    if !repeats {
        add_event(connection, job.id, Some(*from), job.state, what, answer, now_ms)?;
    }
    if *from == State::Unresolved {
        candidate::forget(connection, job.id)?;
    }
    spend::add(connection, *spent, now_ms)?;
    Ok(Job { revision: job.revision + 1, ..job.clone() })
}

/// No two jobs are one task: both would deliver the same video, and one was paid for in vain. Asked
/// inside the transaction, for answers to two creates may come at the same moment.
fn refuse_taken(connection: &Connection, job: &Job) -> Result<(), StoreError> {
    let owner: Option<String> = connection
        .prepare_cached("SELECT key FROM job WHERE task_id = ?1 AND id <> ?2 LIMIT 1")?
        .query_row((&job.task_id, job.id), |row| row.get(0))
        .optional()?;
    match (owner, &job.task_id) {
        (Some(owner), Some(task_id)) => Err(StoreError::TaskTaken {
            key: job.spec.key.clone(),
            task_id: task_id.clone(),
            owner,
        }),
        _ => Ok(()),
    }
}

/// Adds a line to a job's history.
pub(super) fn add_event(
    connection: &Connection,
    job_id: JobId,
    from: Option<State>,
    to: State,
    what: &str,
    answer: Option<&Answer>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let (phrase, what) = phrase::split(connection, what)?;
    connection.prepare_cached(INSERT_EVENT)?.execute(named_params! {
        ":job_id": job_id, ":at_ms": now_ms, ":from": from.map(number), ":to": number(to),
        ":phrase": phrase, ":what": what, ":call": answer.map(|answer| answer.call.number()),
        ":http_status": answer.and_then(|answer| answer.http_status),
        ":code": answer.and_then(|answer| answer.code),
        ":request_id": answer.and_then(|answer| answer.request_id.as_deref()),
        ":units_micro": answer.and_then(|answer| answer.units_micro),
    })?;
    Ok(())
}

fn with_labels(connection: &Connection, mut job: Job) -> Result<Job, StoreError> {
    job.spec.labels = row::labels(connection, job.id)?;
    Ok(job)
}
