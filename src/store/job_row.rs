//! Reads and writes the complete row of a job.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

use rusqlite::{Connection, Row, named_params};

use super::{
    StoreError,
    reason::without_numbers,
    spec_columns,
    sql::{Bound, Hex, Sql as _, lists},
};
use crate::job::{Delivery, Failure, Job, JobId, State, TaskId};

#[derive(Debug, Clone)]
pub(super) struct JobRow {
    pub(super) job: Job,
    pub(super) manifest_id: i64,
}

const OWN: &str = "j.id, j.revision, j.state, j.key, j.name, j.take, j.asked_output, j.spec_hash,
  j.request_hash, j.task_row, j.earlier_task_row, j.changed_after_sent, j.dismissed, j.absent_since_ms,
  j.orphaned_at_ms, j.output, j.media_wait_reason, coalesce(j.due_at_ms, 0), j.tries, j.failing_since_ms, j.wait_reason,
  j.delivered_sha256, j.delivered_bytes, j.error_code, j.error, j.manifest_id, j.retry_take, j.output_blocked, ";
const SPEC: usize = 28;

/// Selects complete jobs without their labels. `FROM job j … WHERE …` follows.
pub(super) static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {OWN}{} ", spec_columns::of_table("j")));

/// Reads a job from a row of [`SELECT`]; its labels are left empty, see [`labels`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    let (mut spec, mut media) = spec_columns::read(row, SPEC)?;
    spec.key = row.get(3)?;
    spec.id = row.get(4)?;
    spec.take = row.get(5)?;
    spec.output = row.get(6)?;
    media.wait_reason = row.get(16)?;
    let delivered: Option<Hex<String>> = row.get(21)?;
    let failure: Option<String> = row.get(23)?;
    let job = Job {
        id: row.get(0)?,
        revision: row.get(1)?,
        state: row.get(2)?,
        spec,
        spec_hash: row.get(7)?,
        request_hash: row.get(8)?,
        media,
        task: row.get(9)?,
        retry_take: row.get(26)?,
        earlier_task: row.get(10)?,
        changed_after_sent: row.get(11)?,
        dismissed: row.get(12)?,
        absent_since_ms: row.get(13)?,
        orphaned_at_ms: row.get(14)?,
        output: row.get(15)?,
        delivery: Delivery {
            due_at_ms: row.get(17)?,
            tries: row.get(18)?,
            failing_since_ms: row.get(19)?,
            wait_reason: row.get(20)?,
            output_blocked: row.get(27)?,
        },
        delivered: match delivered {
            Some(Hex(sha256)) => Some((sha256, row.get::<_, i64>(22)?.unsigned_abs())),
            None => None,
        },
        failure: match failure {
            Some(code) => Some(Failure { code, message: row.get(24)? }),
            None => None,
        },
    };
    Ok(JobRow { job, manifest_id: row.get(25)? })
}

/// Returns the jobs that match `condition`, which follows `FROM job j `.
pub(super) fn all(
    connection: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<JobRow>, StoreError> {
    connection.all(&select(condition), parameters, read)
}

pub(super) fn by_id(connection: &Connection, id: JobId) -> Result<Option<JobRow>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| select("WHERE j.id = ?1"));
    connection.first(&SQL, [id], read)
}

pub(super) fn by_key(connection: &Connection, key: &str) -> Result<Option<JobRow>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| select("WHERE j.key = ?1"));
    connection.first(&SQL, [key], read)
}

fn select(condition: &str) -> String {
    format!("{}FROM job j {condition}", &*SELECT)
}

/// A job waits for its delivery from the moment in which its task has a result.
const DUE_AT: &str = "CASE WHEN :state = 'downloading' AND
             (SELECT state FROM task WHERE id = :task_row) = 'succeeded' THEN :due_at_ms END";

/// Inserts a new job. The caller counts its state.
pub(super) fn insert(
    connection: &Connection,
    job: &Job,
    manifest_id: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    static SQL: OnceLock<String> = OnceLock::new();
    with_columns(job, manifest_id, |columns| {
        let sql = SQL.get_or_init(|| {
            let [names, values, _] = lists(columns);
            format!(
                "INSERT INTO job (id, {names}, state_since_ms, created_at_ms, updated_at_ms, due_at_ms, finished_at_ms)
                 VALUES (:id, {values}, :now_ms, :now_ms, :now_ms, {DUE_AT}, :finished_at_ms)"
            )
        });
        let finished_at_ms = job.state.is_finished().then_some(now_ms);
        let others = named_params! {
            ":now_ms": now_ms, ":due_at_ms": job.delivery.due_at_ms,
            ":finished_at_ms": finished_at_ms,
        };
        let all = [named_params! { ":id": job.id }, columns, others].concat();
        connection.changed_in_order(sql, &all)
    })?;
    write_labels(connection, job)
}

/// Writes a changed job, and counts the write. Fails with [`StoreError::Stale`] if the row changed since it was read.
pub(super) fn save(
    connection: &Connection,
    job: &mut Job,
    manifest_id: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    static SQL: OnceLock<String> = OnceLock::new();
    let written = with_columns(job, manifest_id, |columns| {
        let sql = SQL.get_or_init(|| {
            let [_, _, assignments] = lists(columns);
            format!(
                "UPDATE job SET {assignments}, revision = revision + 1, updated_at_ms = :now_ms, due_at_ms = {DUE_AT},
                   state_since_ms = CASE WHEN state = :state THEN state_since_ms ELSE :now_ms END,
                   finished_at_ms = CASE WHEN state = :state AND finished_at_ms IS NOT NULL THEN finished_at_ms
                     ELSE :finished_at_ms END
                 WHERE id = :id AND revision = :revision"
            )
        });
        let finished_at_ms = job.state.is_finished().then_some(now_ms);
        let others = named_params! {
            ":now_ms": now_ms, ":due_at_ms": job.delivery.due_at_ms,
            ":finished_at_ms": finished_at_ms, ":id": job.id, ":revision": job.revision,
        };
        connection.changed_in_order(sql, &[columns, others].concat())
    })?;
    if written != 1 {
        return Err(StoreError::Stale { key: job.spec.key.clone() });
    }
    job.revision += 1;
    Ok(())
}

/// Calls `run` with the columns that are written as they are in memory.
fn with_columns<T>(
    job: &Job,
    manifest_id: i64,
    run: impl FnOnce(&Bound<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let (failure, delivered) = (job.failure.as_ref(), job.delivered.as_ref());
    let is_named = job.spec.output.strip_suffix(".mp4") != Some(&job.spec.key);
    let named_output = is_named.then_some(&job.spec.output);
    let other_output = Some(&job.output).filter(|output| **output != job.spec.output);
    let own = named_params! {
        ":key": job.spec.key, ":manifest_id": manifest_id, ":name": job.spec.id,
        ":take": job.spec.take, ":named_output": named_output, ":spec_hash": job.spec_hash,
        ":request_hash": job.request_hash, ":state": job.state, ":task_row": job.task,
        ":retry_take": job.retry_take, ":earlier_task_row": job.earlier_task,
        ":changed_after_sent": job.changed_after_sent, ":dismissed": job.dismissed,
        ":absent_since_ms": job.absent_since_ms, ":orphaned_at_ms": job.orphaned_at_ms,
        ":other_output": other_output, ":media_wait_reason": job.media.wait_reason,
        ":tries": job.delivery.tries, ":failing_since_ms": job.delivery.failing_since_ms,
        ":wait_reason": job.delivery.wait_reason, ":output_blocked": job.delivery.output_blocked,
        ":delivered_sha256": delivered.map(|(sha256, _)| Hex(sha256)),
        ":delivered_bytes": delivered.map(|(_, bytes)| i64::try_from(*bytes).unwrap_or(i64::MAX)),
        ":error_code": failure.map(|it| &it.code), ":error": failure.map(|it| &it.message),
        ":error_reason": failure.map(|it| without_numbers(&it.message)),
    };
    spec_columns::with_bound(&job.spec, &job.media, own, run)
}

/// Returns id, state and requested output of the jobs that point to a task, the oldest first.
pub(super) fn of_task(
    connection: &Connection,
    task: TaskId,
) -> Result<Vec<(JobId, State, String)>, StoreError> {
    let sql = "SELECT id, state, asked_output FROM job WHERE task_row = ?1 ORDER BY id";
    connection.all(sql, [task], |row| row.try_into())
}

pub(super) fn labels(
    connection: &Connection,
    job_id: JobId,
) -> Result<BTreeMap<String, String>, StoreError> {
    connection.all("SELECT name, value FROM label WHERE job_id = ?1", [job_id], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

pub(super) fn replace_labels(connection: &Connection, job: &Job) -> Result<(), StoreError> {
    connection.run("DELETE FROM label WHERE job_id = ?1", [job.id])?;
    write_labels(connection, job)
}

fn write_labels(connection: &Connection, job: &Job) -> Result<(), StoreError> {
    for (name, value) in &job.spec.labels {
        connection.run(
            "INSERT INTO label (job_id, name, value) VALUES (?1, ?2, ?3)",
            (job.id, name, value),
        )?;
    }
    Ok(())
}
