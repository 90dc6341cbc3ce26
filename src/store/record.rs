//! Writes a transition: the task, its jobs, their history and the spending of the day, in one transaction.

use rusqlite::Connection;

use super::{
    HistoryAnswer, StoreError, account, candidate,
    event::HistoryEvent,
    find, spend,
    sql::{Hex, Sql as _},
    task_row, watermark,
};
use crate::job::{JobId, ResultFile, State, Task, Transition};

pub(super) const NO_JOB: JobId = 0;

/// The jobs of a task. They are sorted outside: most tasks have one job, and SQLite would set up a sorter for it.
const JOBS: &str = "
    SELECT j.id, j.state, j.asked_output, m.path FROM job j JOIN manifest m ON m.id = j.manifest_id
    WHERE j.task_row = ?1";

/// Writes a transition inside the caller's transaction, except the job `but`, which the caller writes. Returns the task
/// and the manifest of its lead job; none: that job does not point to the task.
pub(super) fn record_but(
    connection: &Connection,
    transition: &Transition,
    answer: Option<&HistoryAnswer>,
    now_ms: i64,
    but: JobId,
) -> Result<(Task, Option<String>), StoreError> {
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
    let manifest = move_jobs(connection, transition, answer, now_ms, but)?;
    let is_open = |state| matches!(state, State::Creating | State::Unresolved);
    if is_open(*from) && !is_open(task.state) {
        candidate::forget(connection, task.id)?;
    }
    spend::add(connection, *spent, now_ms)?;
    Ok((Task { revision: task.revision + 1, ..task.clone() }, manifest))
}

/// Gives the jobs of a task its state, and writes their history. A verified result is the file of the lead job;
/// the other jobs wait for a copy. Returns the manifest of the lead job.
fn move_jobs(
    connection: &Connection,
    transition: &Transition,
    answer: Option<&HistoryAnswer>,
    now_ms: i64,
    but: JobId,
) -> Result<Option<String>, StoreError> {
    let Transition { task, what, repeats, .. } = transition;
    let mut manifest_of_lead = None;
    let mut jobs: Vec<(JobId, State, String, String)> =
        connection.all(JOBS, [task.id], |row| row.try_into())?;
    jobs.sort_unstable_by_key(|(id, ..)| *id);
    for (id, before, asked_output, manifest) in jobs {
        let is_lead = id == task.lead;
        if is_lead {
            manifest_of_lead = Some(manifest);
        }
        if id == but {
            continue;
        }
        // A lead job whose manifest names another output now gets a copy there.
        let has_file = is_lead && asked_output == task.spec.output;
        let after = match task.state {
            State::Succeeded if !has_file => State::Downloading,
            state => state,
        };
        let waits_for_copy = task.state == State::Succeeded && !has_file;
        if after != before || waits_for_copy {
            let delivered = task.result.as_ref().filter(|_| after == State::Succeeded);
            let moved = JobMove { id, from: before, to: after, delivered, waits_for_copy };
            moved.write(connection, now_ms)?;
            if delivered.is_some() {
                watermark::result_delivered(connection, id, Some(task.id), task.spec.watermark)?;
            }
        }
        // The cost is recorded with one job.
        let without_cost = answer.map(|answer| HistoryAnswer { cost: None, ..answer.clone() });
        let answer = if is_lead { answer } else { without_cost.as_ref() };
        if !repeats {
            let from = Some(before);
            HistoryEvent { job: id, from, to: after, what, answer, at_ms: now_ms }
                .write(connection)?;
        }
    }
    let lead_points_here = but == task.lead || manifest_of_lead.is_some();
    if !lead_points_here && !repeats && task.state != State::Cancelled {
        let state = connection.value("SELECT state FROM job WHERE id = ?1", [task.lead])?;
        let what = format!("earlier task {}: {what}", task.name);
        let (job, from, what) = (task.lead, Some(state), what.as_str());
        HistoryEvent { job, from, to: state, what, answer, at_ms: now_ms }.write(connection)?;
    }
    Ok(manifest_of_lead)
}

/// How a job follows its task.
struct JobMove<'a> {
    id: JobId,
    from: State,
    to: State,
    /// The file that the job has now.
    delivered: Option<&'a ResultFile>,
    /// The result is there, and the job waits for a copy of it.
    waits_for_copy: bool,
}

impl JobMove<'_> {
    fn write(&self, connection: &Connection, now_ms: i64) -> Result<(), StoreError> {
        const MOVE: &str = "
            UPDATE job SET state = ?2, state_since_ms = ?3, updated_at_ms = ?3, revision = revision + 1 WHERE id = ?1";
        const MOVE_TO_OR_FROM_END: &str = "
            UPDATE job SET state = ?2, state_since_ms = CASE WHEN state = ?2 THEN state_since_ms ELSE ?3 END,
              updated_at_ms = ?3, revision = revision + 1, finished_at_ms = ?4, due_at_ms = ?5 WHERE id = ?1";
        const DELIVER: &str = "
            UPDATE job SET state = ?2, state_since_ms = ?3, updated_at_ms = ?3, revision = revision + 1,
              finished_at_ms = ?4, delivered_sha256 = ?5, delivered_bytes = ?6, earlier_task_row = NULL,
              other_output = NULL
            WHERE id = ?1";
        let Self { id, from, to, delivered, waits_for_copy } = *self;
        let finished_at_ms = to.is_finished().then_some(now_ms);
        if let Some(result) = delivered {
            let bytes = i64::try_from(result.bytes).unwrap_or(i64::MAX);
            let row = (id, to, now_ms, finished_at_ms, Hex(&result.sha256), bytes);
            return connection.run(DELIVER, row);
        }
        // A job that is downloading may have a time at which its copy is due.
        let may_have_due = from == State::Downloading || waits_for_copy;
        if from.is_finished() || to.is_finished() || may_have_due {
            let due_at_ms = waits_for_copy.then_some(0);
            return connection
                .run(MOVE_TO_OR_FROM_END, (id, to, now_ms, finished_at_ms, due_at_ms));
        }
        // Names no column of an end: that would start the triggers for ends, see `schema.sql`.
        connection.run(MOVE, (id, to, now_ms))
    }
}

/// Refuses a task at Kling that another task of the database has already: both would deliver the same video. This
/// is checked inside the transaction, because two create requests may be answered at the same moment.
fn refuse_taken(connection: &Connection, task: &Task) -> Result<(), StoreError> {
    let Some(task_id) = task.task_id.clone() else { return Ok(()) };
    match find::owner_of_task(connection, &task_id)? {
        Some((owner, key)) if owner != task.id => {
            Err(StoreError::TaskTaken { key: task.spec.key.clone(), task_id, owner: key })
        }
        _ => Ok(()),
    }
}
