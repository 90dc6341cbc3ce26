//! What people do to one job by a command: judged and written in one transaction, so that a job is taken only
//! while it is what it was chosen for.

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    Candidate, Reader, Store, StoreError, candidate, job_row,
    job_row::JobRow,
    never_arrived, record,
    sharing::{Sharing, Stop, Wish, show},
    transition,
};
use crate::job::{
    CANCELLED, CreateAnswer, FETCH, Failure, Job, Moment, Outcome, Policy, RETRY, State, Task,
    TaskId, apply, retried_take,
};

pub(super) const UNDECIDED: &str = "
    SELECT id FROM task INDEXED BY task_state
    WHERE state IN ('unresolved', 'creating') AND (state = 'unresolved' OR wait_reason IS NOT NULL)
      AND lead_job = ?1 AND id IS NOT ?2 AND NOT EXISTS (SELECT 1 FROM job WHERE task_row = task.id)
    ORDER BY state DESC, id DESC LIMIT 1";

/// A job as a command judges it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobState {
    /// The job, without its labels.
    pub job: Job,
    /// The task that it points to.
    pub task: Option<Task>,
    /// The path of its manifest under `jobs_dir`.
    pub manifest: String,
    /// The task that it had before a retry or an edit.
    pub earlier: Option<Task>,
    /// Keys of other jobs that share its task.
    pub shares_with: Vec<String>,
    /// The request hash and take of the task that a retry would use; none while the media were not read.
    pub retry_task: Option<(String, u32)>,
    /// Whether a retry costs nothing: that task was paid already, or other jobs have it and it is in progress.
    pub retry_is_free: bool,
    /// A task that it asked for earlier, and whose create request has an unknown outcome.
    pub undecided: Option<Task>,
    /// The tasks of the account that [its undecided task](Self::to_decide) could be.
    pub candidates: Vec<Candidate>,
    /// When (Unix ms) the list of the account's tasks was read far enough to name them all.
    pub listed_at_ms: Option<i64>,
}

impl JobState {
    /// The task whose create request has an unknown outcome, so that a person may decide: an unresolved one before one that
    /// is still looked up.
    #[must_use]
    pub fn to_decide(&self) -> Option<&Task> {
        let own = |state| self.task.as_ref().filter(|task| task.state == state);
        own(State::Unresolved).or(self.undecided.as_ref()).or(own(State::Creating))
    }

    /// Why Kling may have the task [to decide](Self::to_decide), so that sending its create request again may pay twice;
    /// none: the list was read far enough, and shows no task that could be it.
    #[must_use]
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
    /// lipsyncd still looks it up, and sends it again by itself once it is known to be absent.
    StillChecking,
    /// Kling said that a task of the name exists.
    NameExists,
    /// The list of the account's tasks was not read far enough.
    ListNotRead,
    /// This task of the account could be the one; there may be others.
    Candidate(String),
}

/// What a command does to a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Asks for another take, or for the same one where Kling never accepted it.
    Retry,
    /// Takes it back.
    Cancel,
    /// Brings its file to its place again.
    Fetch,
    /// Takes it out of the counts, or back in; accepts its result as it is.
    Dismiss(bool),
    /// Something that happens to its task.
    Task(Outcome),
}

/// A command that cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandFailure<E> {
    /// No job has this key.
    #[error("no job is called so")]
    Unknown,
    /// The caller's own judgement.
    #[error("refused")]
    Refused(E),
    /// It would make two jobs that cannot both be; in words.
    #[error("{0}")]
    Conflict(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The answer of a command inside its transaction.
type Judged<E> = Result<JobState, CommandFailure<E>>;

impl Store {
    /// Does to the job of that key what `judge` says, and returns it as it is then.
    ///
    /// # Errors
    /// Those of `judge`, and when the database cannot be written.
    pub async fn command<E: Send + 'static>(
        &self,
        key: &str,
        judge: impl Fn(&JobState) -> Result<Command, E> + Send + 'static,
        moment: Moment,
        policy: Policy,
    ) -> Judged<E> {
        let key = key.to_owned();
        let judged = self.write(move |connection| {
            let Some(state) = state(connection, &key)? else {
                return Ok(Err(CommandFailure::Unknown));
            };
            let command = match judge(&state) {
                Ok(command) => command,
                Err(refusal) => return Ok(Err(CommandFailure::Refused(refusal))),
            };
            let sharing = Sharing { connection, moment, policy: &policy };
            match carry_out(sharing, state, command) {
                Ok(()) => {}
                Err(Stop::Conflict(conflict)) => {
                    return Ok(Err(CommandFailure::Conflict(conflict.what)));
                }
                Err(Stop::Store(error)) => return Err(error),
            }
            let after = self::state(connection, &key)?;
            Ok(after.ok_or(CommandFailure::Unknown))
        });
        judged.await?
    }
}

impl Reader {
    /// Returns the job of that key as a command judges it, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn job_state(&self, key: &str) -> Result<Option<JobState>, StoreError> {
        state(&self.connection, key)
    }
}

fn state(connection: &Connection, key: &str) -> Result<Option<JobState>, StoreError> {
    let Some(row) = job_row::by_key(connection, key)? else { return Ok(None) };
    let job = row.job;
    let task = job.task.map(|id| record::task(connection, id)).transpose()?.flatten();
    let earlier = job.earlier_task.map(|id| record::task(connection, id)).transpose()?.flatten();
    let manifest = record::manifest_of(connection, job.id)?;
    let shares_with = connection
        .prepare_cached(
            "SELECT key FROM job WHERE task_row = ?1 AND id <> ?2 ORDER BY id LIMIT 10",
        )?
        .query_map((job.task, job.id), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let retry_task = next_take(connection, &job, task.as_ref())?;
    let mut free = connection.prepare_cached(
        "SELECT 1 FROM task WHERE request_hash = ?1 AND take = ?2
           AND (task_id IS NOT NULL OR state NOT IN ('cancelled', 'failed'))",
    )?;
    let retry_is_free =
        retry_task.as_ref().map(|next| free.exists((&next.0, next.1))).transpose()? == Some(true);
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

/// The task that a job led before its request changed, while the outcome of the create request is unknown: no job
/// points to it, and only through this one a person can decide it.
fn undecided(connection: &Connection, job: &Job) -> Result<Option<Task>, StoreError> {
    let id: Option<TaskId> = connection
        .prepare_cached(UNDECIDED)?
        .query_row((job.id, job.task), |row| row.get(0))
        .optional()?;
    Ok(id.map(|id| record::task(connection, id)).transpose()?.flatten())
}

/// The request and take that a retry asks for; none while the media were not read.
fn next_take(
    connection: &Connection,
    job: &Job,
    task: Option<&Task>,
) -> Result<Option<(String, u32)>, StoreError> {
    let Some(request_hash) = job.request_hash.clone() else { return Ok(None) };
    // The moment does not matter: nothing is applied.
    let sharing = Sharing::of_api(connection, 0);
    let take = match task {
        Some(task) if task.request_hash != request_hash => sharing.take_to_join(job)?,
        Some(task) if task.was_accepted() => sharing.take_after(&request_hash, task.take)?,
        Some(task) => task.take,
        None => sharing.take_to_join(job)?,
    };
    Ok(Some((request_hash, take)))
}

fn carry_out(sharing: Sharing<'_>, state: JobState, command: Command) -> Result<(), Stop> {
    let to_decide = state.to_decide().cloned();
    let JobState { job, task, .. } = state;
    let manifest_id = sharing
        .connection
        .prepare_cached("SELECT manifest_id FROM job WHERE id = ?1")?
        .query_row([job.id], |row| row.get(0))?;
    let row = JobRow { job, manifest_id };
    match command {
        Command::Retry => retry(sharing, row, task.as_ref()),
        Command::Cancel => cancel(sharing, row),
        Command::Fetch => fetch(sharing, row),
        Command::Dismiss(dismissed) => dismiss(sharing, row, task.as_ref(), dismissed),
        Command::Task(outcome) => {
            let Some(task) = to_decide.or(task.filter(Task::is_not_found)) else { return Ok(()) };
            let is_unsent = matches!(outcome, Outcome::ResolvedAsUnsent { .. });
            let transition =
                apply(&task, outcome, &sharing.moment, sharing.policy).map_err(|illegal| {
                    StoreError::Nonsense { key: illegal.key.clone(), what: illegal.to_string() }
                })?;
            let now_ms = sharing.moment.now_ms;
            let task = transition::record(sharing.connection, &transition, None, now_ms)?;
            if is_unsent {
                never_arrived::reconsider(sharing, &task, None)?;
            }
            Ok(())
        }
    }
}

fn retry(sharing: Sharing<'_>, mut row: JobRow, task: Option<&Task>) -> Result<(), Stop> {
    let (before, now_ms) = (row.job.clone(), sharing.moment.now_ms);
    let job = &mut row.job;
    let what = match next_take(sharing.connection, job, task)? {
        // Its media could not be used, or were never read: they are looked at again.
        None => {
            if task.is_some_and(Task::was_accepted) {
                job.earlier_task = before.task;
            }
            (job.state, job.task, job.failure) = (State::Waiting, None, None);
            job.changed_after_sent = false;
            job.media.wait_reason = Some("its media to be looked at".to_owned());
            format!("{RETRY} its media are looked at again")
        }
        Some((_, take)) => {
            let was_accepted = task.is_some_and(Task::was_accepted);
            job.earlier_task = if was_accepted { before.task } else { before.earlier_task };
            if was_accepted {
                job.retry_take = Some(take);
            }
            let wish =
                Wish { take, turn: sharing.turn(job.spec.priority)?, sessions_after_ms: now_ms };
            sharing.point(job, wish)?;
            let points_to = job.task.map(|id| sharing.reread(id)).transpose()?;
            let take = retried_take(take, job, task.filter(|_| was_accepted));
            match points_to.is_some_and(|task| task.was_accepted()) {
                true => format!("{RETRY} {take} exists already and is used"),
                false => format!("{RETRY} {take} begins"),
            }
        }
    };
    Ok(sharing.save(&mut row, &before, &what)?)
}

/// Back to the result it had, or cancelled.
fn cancel(sharing: Sharing<'_>, mut row: JobRow) -> Result<(), Stop> {
    let before = row.job.clone();
    let job = &mut row.job;
    let earlier = job.earlier_task.take().map(|id| sharing.reread(id)).transpose()?;
    // A task that was not created, or ended before Kling accepted it, is no result to go back to.
    let may_exist = |task: &Task| !task.is_uncreated() && !task.state.is_finished();
    let earlier = earlier.filter(|task| task.was_accepted() || may_exist(task));
    (job.retry_take, job.media.wait_reason) = (None, None);
    let what = match earlier {
        Some(task) => {
            if !task.state.is_finished() && sharing.first_job(task.id, record::NO_JOB)?.is_none() {
                sharing.lead(&task, job)?;
            }
            job.failure = None;
            job.changed_after_sent = job.request_hash.as_ref() != Some(&task.request_hash);
            show(job, &task);
            format!("{CANCELLED}: it has its earlier task again")
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

fn fetch(sharing: Sharing<'_>, mut row: JobRow) -> Result<(), Stop> {
    let before = row.job.clone();
    let job = &mut row.job;
    (job.state, job.failure) = (State::Downloading, None);
    job.delivery = Default::default();
    let what = format!("{FETCH} its result is brought to its place again");
    Ok(sharing.save(&mut row, &before, &what)?)
}

fn dismiss(
    sharing: Sharing<'_>,
    mut row: JobRow,
    task: Option<&Task>,
    dismissed: bool,
) -> Result<(), Stop> {
    let before = row.job.clone();
    let job = &mut row.job;
    // A result that is accepted may still fail: that would be news.
    job.dismissed = dismissed && job.state == State::Failed;
    let has_changed =
        |task: &Task| job.request_hash.as_ref().is_some_and(|asked| *asked != task.request_hash);
    job.changed_after_sent = !dismissed && task.is_some_and(has_changed);
    let what = if dismissed { "dismissed" } else { "counts again" };
    Ok(sharing.save(&mut row, &before, what)?)
}
