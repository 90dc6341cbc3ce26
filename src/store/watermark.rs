//! Watermarked copies that jobs still lack. A job has succeeded once it has its result, and does not wait for the copy.

use rusqlite::{Connection, named_params};

use super::{
    Store, StoreError, change::JobChange, event::record_change, find, job_row, sql::Sql as _,
};
use crate::job::{Job, JobId, Task, TaskId};

/// The tries so far to bring the watermarked copy of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatermarkTries {
    /// Failed tries.
    pub tries: u32,
    /// Whether a download with a Referer was tried.
    pub referer_tried: bool,
}

/// The result of one try to bring a watermarked copy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum WatermarkOutcome {
    /// The copy is in the output folder, complete and verified.
    Delivered { sha256: String, bytes: u64 },
    Failed {
        reason: String,
        /// When (Unix ms) the next try is due.
        due_at_ms: i64,
        referer_tried: bool,
    },
    /// Kling no longer has the copy; with a note for people.
    Gone(String),
}

/// How many watermarked copies are missing after a try, and the first of these jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct MissingWatermarks {
    pub jobs: i64,
    pub first_job: Option<String>,
}

// A row counts only while its job points to the task, and has the result of that task.

pub(super) const DUE: &str = "
    SELECT w.job_id, w.tries, w.referer_tried
    FROM missing_watermark w INDEXED BY missing_watermark_due CROSS JOIN job j
    WHERE w.due_at_ms >= ?1 AND w.due_at_ms <= ?2
      AND j.id = w.job_id AND j.task_row = w.task_row AND j.state = 'succeeded'
    ORDER BY w.due_at_ms, w.job_id LIMIT ?3";

pub(super) const MISSING: &str = "
    SELECT count(*), min(j.key)
    FROM missing_watermark w INDEXED BY missing_watermark_due CROSS JOIN job j
    WHERE w.due_at_ms IS NOT NULL AND w.reason IS NOT NULL
      AND j.id = w.job_id AND j.task_row = w.task_row AND j.state = 'succeeded'";

/// Returns up to `limit` watermarked copies that are due from `from_ms` to `until_ms`.
pub(super) fn due(
    connection: &Connection,
    (from_ms, until_ms): (i64, i64),
    limit: i64,
) -> Result<Vec<(Job, WatermarkTries)>, StoreError> {
    let rows: Vec<(JobId, u32, bool)> =
        connection.all(DUE, (from_ms, until_ms, limit), |row| row.try_into())?;
    let mut due = Vec::new();
    for (id, tries, referer_tried) in rows {
        let job = job_row::by_id(connection, id)?.map(|row| row.job);
        due.extend(job.map(|job| (job, WatermarkTries { tries, referer_tried })));
    }
    Ok(due)
}

/// Records that a job got the result of a task: if the task has a watermarked copy, that copy is due now. Whether the
/// copy is on disk already is checked when it is fetched.
pub(super) fn result_delivered(
    connection: &Connection,
    job: JobId,
    task: Option<TaskId>,
    has_watermark: bool,
) -> Result<(), StoreError> {
    connection.run("DELETE FROM missing_watermark WHERE job_id = ?1", [job])?;
    if has_watermark {
        let sql = "INSERT INTO missing_watermark (job_id, task_row, due_at_ms) VALUES (?1, ?2, 0)";
        connection.run(sql, (job, task))?;
    }
    Ok(())
}

pub(super) fn missing(connection: &Connection) -> Result<MissingWatermarks, StoreError> {
    connection
        .row(MISSING, (), |row| Ok(MissingWatermarks { jobs: row.get(0)?, first_job: row.get(1)? }))
}

impl Store {
    /// Writes the result of a try to bring the watermarked copy of a job. Returns the change for the log; none: there is
    /// nothing new, or the job points to another task by now.
    pub async fn record_watermark(
        &self,
        job: JobId,
        task: &Task,
        outcome: WatermarkOutcome,
        now_ms: i64,
    ) -> Result<Option<JobChange>, StoreError> {
        let (task, task_id) = (task.id, task.task_id.clone());
        self.write(move |connection| {
            let Some(row) = job_row::by_id(connection, job)? else { return Ok(None) };
            let before: Option<Option<String>> = connection.first(
                "SELECT reason FROM missing_watermark WHERE job_id = ?1 AND task_row = ?2",
                (job, task),
                |row| row.get(0),
            )?;
            let Some(before) = before.filter(|_| row.job.task == Some(task)) else {
                return Ok(None);
            };
            let reason = write(connection, job, &outcome)?;
            let what = match (&outcome, reason) {
                (WatermarkOutcome::Delivered { sha256, bytes }, _) => {
                    format!("watermarked copy delivered: {bytes} bytes, sha256 {sha256}")
                }
                (_, reason) if reason == before => return Ok(None),
                (WatermarkOutcome::Gone(note), _) => note.clone(),
                (_, reason) => {
                    format!("watermarked copy missing: {}", reason.unwrap_or_default())
                }
            };
            record_change(connection, &row.job, Some(row.job.state), &what, now_ms)?;
            let state = row.job.state.name().to_owned();
            Ok(Some(JobChange {
                manifest: find::manifest_of(connection, job)?,
                from: Some(state.clone()),
                to: state,
                what,
                task_id: task_id.clone(),
                key: row.job.spec.key,
            }))
        })
        .await
    }
}

/// Writes the row, and returns its new reason.
fn write(
    connection: &Connection,
    job: JobId,
    outcome: &WatermarkOutcome,
) -> Result<Option<String>, StoreError> {
    let (reason, due_at_ms, referer_tried) = match outcome {
        WatermarkOutcome::Delivered { .. } => {
            connection.run("DELETE FROM missing_watermark WHERE job_id = ?1", [job])?;
            return Ok(None);
        }
        WatermarkOutcome::Failed { reason, due_at_ms, referer_tried } => {
            (reason, Some(*due_at_ms), *referer_tried)
        }
        WatermarkOutcome::Gone(note) => (note, None, true),
    };
    connection.run(
        "UPDATE missing_watermark SET due_at_ms = :due_at_ms, tries = tries + 1, reason = :reason,
           referer_tried = referer_tried OR :referer_tried
         WHERE job_id = :job",
        named_params! {
            ":job": job, ":due_at_ms": due_at_ms, ":reason": reason, ":referer_tried": referer_tried,
        },
    )?;
    Ok(Some(reason.clone()))
}
