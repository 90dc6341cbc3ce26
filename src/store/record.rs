//! Writing a transition: the task, its jobs, their history and the day's spending, in one transaction.

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::{Store, StoreError, account, candidate, history_text, job_row, spend, task_row};
use crate::job::{Job, JobId, ResultFile, State, Task, TaskId, Transition};

/// Which call of the API an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiCall {
    /// Identify Face.
    Identify,
    /// Create Task.
    Create,
    /// Query Task (Single).
    Query,
    /// Query Task (List).
    List,
}

impl ApiCall {
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
pub struct ApiAnswer {
    /// The call it answers.
    pub call: ApiCall,
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
    INSERT INTO event (job_id, at_ms, from_state, to_state, text_row, what, call, http_status, code,
      request_id, units_micro)
    VALUES (:job_id, :at_ms, :from, :to, :text_row, nullif(:what, ''), :call, :http_status, :code,
      :request_id, :units_micro)";

impl Store {
    /// Returns the path of the manifest of the job of that row.
    ///
    /// # Errors
    /// When the database cannot be read, or has no such job.
    pub async fn manifest_of(&self, id: JobId) -> Result<String, StoreError> {
        self.read(move |connection| manifest_of(connection, id)).await
    }

    /// Returns the task of that row, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.read(move |connection| task(connection, id)).await
    }

    /// Returns the row of the task that has Kling's task of that id, if one has.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn owner_of_task(&self, task_id: &str) -> Result<Option<TaskId>, StoreError> {
        let task_id = task_id.to_owned();
        self.read(move |connection| Ok(owner_of_task(connection, &task_id)?.map(|(id, _)| id)))
            .await
    }

    /// Returns the job of that key, if there is one, with its labels.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn job_by_key(&self, key: &str) -> Result<Option<Job>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| {
            let Some(row) = job_row::by_key(connection, &key)? else { return Ok(None) };
            let mut job = row.job;
            job.spec.labels = job_row::labels(connection, job.id)?;
            Ok(Some(job))
        })
        .await
    }

    /// Returns the task that the job of that key points to, if it points to one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn task_of_job(&self, key: &str) -> Result<Option<Task>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| {
            let condition = "WHERE t.id = (SELECT task_row FROM job WHERE key = ?1)";
            task_row::one(connection, condition, [&key])
        })
        .await
    }
}

/// Returns the task of that row, if there is one.
pub(super) fn task(connection: &Connection, id: TaskId) -> Result<Option<Task>, StoreError> {
    task_row::one(connection, "WHERE t.id = ?1", [id])
}

pub(super) fn manifest_of(connection: &Connection, id: JobId) -> Result<String, StoreError> {
    let sql = "SELECT path FROM manifest WHERE id = (SELECT manifest_id FROM job WHERE id = ?1)";
    Ok(connection.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)
}

/// No job.
pub(super) const NO_JOB: JobId = 0;

/// Writes one transition inside the caller's transaction; the job `but` is left to the caller, who is about to write
/// it.
pub(super) fn record_but(
    connection: &Connection,
    transition: &Transition,
    answer: Option<&ApiAnswer>,
    now_ms: i64,
    but: JobId,
) -> Result<Task, StoreError> {
    let Transition { from, task, spend: spent, .. } = transition;
    if task.state == State::Submitted || from.is_unsent() {
        refuse_taken(connection, task)?;
    }
    if let Some(create) = task.create.as_ref().filter(|_| task.is_sending()) {
        account::ensure(connection, &create.host, &create.account)?;
    }
    if !task_row::update_progress(connection, task, *from, now_ms)? {
        return Err(StoreError::Stale { key: task.spec.key.clone() });
    }
    move_jobs(connection, transition, answer, now_ms, but)?;
    let is_open = |state| matches!(state, State::Creating | State::Unresolved);
    if is_open(*from) && !is_open(task.state) {
        candidate::forget(connection, task.id)?;
    }
    spend::add(connection, *spent, now_ms)?;
    Ok(Task { revision: task.revision + 1, ..task.clone() })
}

/// Gives the jobs of a task its state, and writes their history. When the result is verified, the lead job
/// has its file; the others wait for a copy.
fn move_jobs(
    connection: &Connection,
    transition: &Transition,
    answer: Option<&ApiAnswer>,
    now_ms: i64,
    but: JobId,
) -> Result<(), StoreError> {
    let Transition { task, what, repeats, .. } = transition;
    let mut lead_points_here = but == task.lead;
    for (id, before, asked_output) in job_row::of_task(connection, task.id)? {
        let is_lead = id == task.lead;
        lead_points_here |= is_lead;
        if id == but {
            continue;
        }
        // A lead whose manifest names another output by now gets a copy there.
        let has_file = is_lead && asked_output == task.spec.output;
        let after = match task.state {
            State::Succeeded if !has_file => State::Downloading,
            state => state,
        };
        let waits_for_copy = task.state == State::Succeeded && !has_file;
        if after != before || waits_for_copy {
            let delivered = task.result.as_ref().filter(|_| after == State::Succeeded);
            move_job(connection, id, after, (delivered, waits_for_copy), now_ms)?;
        }
        // What it cost is recorded once.
        let without_units = answer.map(|answer| ApiAnswer { units_micro: None, ..answer.clone() });
        let answer = if is_lead { answer } else { without_units.as_ref() };
        if !repeats {
            add_event(connection, id, Some(before), after, what, answer, now_ms)?;
        }
    }
    if !lead_points_here && !repeats && task.state != State::Cancelled {
        let state = state_of_job(connection, task.lead)?;
        let what = format!("earlier task {}: {what}", task.name);
        add_event(connection, task.lead, Some(state), state, &what, answer, now_ms)?;
    }
    Ok(())
}

fn move_job(
    connection: &Connection,
    id: JobId,
    to: State,
    (delivered, waits_for_copy): (Option<&ResultFile>, bool),
    now_ms: i64,
) -> Result<(), StoreError> {
    const MOVE: &str = "
        UPDATE job SET state = ?2, state_since_ms = CASE WHEN state = ?2 THEN state_since_ms ELSE ?3 END,
          updated_at_ms = ?3, revision = revision + 1, finished_at_ms = ?4, due_at_ms = ?5 WHERE id = ?1";
    const DELIVER: &str = "
        UPDATE job SET state = ?2, state_since_ms = ?3, updated_at_ms = ?3, revision = revision + 1,
          finished_at_ms = ?4, delivered_sha256 = ?5, delivered_bytes = ?6, earlier_task_row = NULL,
          output = asked_output
        WHERE id = ?1";
    let finished_at_ms = to.is_finished().then_some(now_ms);
    match delivered {
        None => {
            let due_at_ms = waits_for_copy.then_some(0);
            let row = (id, to.name(), now_ms, finished_at_ms, due_at_ms);
            connection.prepare_cached(MOVE)?.execute(row)?
        }
        Some(result) => {
            let bytes = i64::try_from(result.bytes).unwrap_or(i64::MAX);
            connection.prepare_cached(DELIVER)?.execute((
                id,
                to.name(),
                now_ms,
                finished_at_ms,
                &result.sha256,
                bytes,
            ))?
        }
    };
    Ok(())
}

fn state_of_job(connection: &Connection, id: JobId) -> Result<State, StoreError> {
    let mut state = connection.prepare_cached("SELECT state FROM job WHERE id = ?1")?;
    Ok(state.query_row([id], |row| super::spec_columns::parsed_at(row, 0))?)
}

/// No two tasks of the database are one task at Kling: both would deliver the same video, and one was paid
/// for in vain. Asked inside the transaction, because answers to two creates may come at the same moment.
fn refuse_taken(connection: &Connection, task: &Task) -> Result<(), StoreError> {
    let Some(task_id) = task.task_id.clone() else { return Ok(()) };
    match owner_of_task(connection, &task_id)? {
        Some((owner, key)) if owner != task.id => {
            Err(StoreError::TaskTaken { key: task.spec.key.clone(), task_id, owner: key })
        }
        _ => Ok(()),
    }
}

/// The task that has Kling's task of that id, and the key of its lead job.
pub(super) fn owner_of_task(
    connection: &Connection,
    task_id: &str,
) -> Result<Option<(TaskId, String)>, StoreError> {
    let sql = "SELECT t.id, j.key FROM task t JOIN job j ON j.id = t.lead_job WHERE t.task_id = ?1";
    let mut owner = connection.prepare_cached(sql)?;
    Ok(owner.query_row([task_id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Adds a line to a job's history.
pub(super) fn add_event(
    connection: &Connection,
    job_id: JobId,
    from: Option<State>,
    to: State,
    what: &str,
    answer: Option<&ApiAnswer>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let (text_row, what) = history_text::split(connection, what)?;
    connection.prepare_cached(INSERT_EVENT)?.execute(named_params! {
        ":job_id": job_id, ":at_ms": now_ms, ":from": from.map(number), ":to": number(to),
        ":text_row": text_row, ":what": what, ":call": answer.map(|answer| answer.call.number()),
        ":http_status": answer.and_then(|answer| answer.http_status),
        ":code": answer.and_then(|answer| answer.code),
        ":request_id": answer.and_then(|answer| answer.request_id.as_deref()),
        ":units_micro": answer.and_then(|answer| answer.units_micro),
    })?;
    Ok(())
}
