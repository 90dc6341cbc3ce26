//! Jobs that wait for their own copy of a result, and the results of delivery attempts.

use rusqlite::{Connection, named_params};

use super::{
    IncompleteDownload, Store, StoreError, WatermarkTries,
    change::JobChange,
    event::record_change,
    find,
    incomplete_download::incomplete_download,
    job_row,
    job_row::JobRow,
    sql::{Hex, Sql as _},
    watermark,
};
use crate::job::{DeliveryOutcome, Job, JobId, Moment, Policy, Task, deliver};

/// A job whose task has succeeded and whose own file, or the watermarked copy, is not delivered yet.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct DueDelivery {
    /// The job, without its labels.
    pub job: Job,
    pub task: Task,
    /// The job has its result, and lacks the watermarked copy.
    pub missing_watermark: Option<WatermarkTries>,
}

/// A delivered file that got another name because a newer result took its place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct MovedFile {
    pub from: String,
    pub to: String,
    pub request_hash: String,
    pub take: u32,
}

pub(super) const DUE: &str = "INDEXED BY job_due
    WHERE j.due_at_ms >= ?1 AND j.due_at_ms <= ?2 ORDER BY j.due_at_ms, j.id LIMIT ?3";
/// Usually nothing waits, and the scheduler asks often.
pub(super) const ANY_WAITING: &str = "
    SELECT EXISTS (SELECT 1 FROM job INDEXED BY job_due WHERE due_at_ms IS NOT NULL)
      OR EXISTS (SELECT 1 FROM missing_watermark INDEXED BY missing_watermark_due WHERE due_at_ms IS NOT NULL)";
pub(super) const NEXT_DUE: &str = "
    SELECT min(due) FROM (
      SELECT min(due_at_ms) AS due FROM job INDEXED BY job_due WHERE due_at_ms > ?1
      UNION ALL
      SELECT min(due_at_ms) FROM missing_watermark INDEXED BY missing_watermark_due WHERE due_at_ms > ?1)";

const RECORD_MOVED: &str = "
    UPDATE job SET other_output = nullif(:to, asked_output), revision = revision + 1
    FROM (SELECT id, result_sha256 FROM task WHERE request_hash = :hash AND take = :take) made
    WHERE (task_row = made.id OR earlier_task_row = made.id) AND output = :from
      AND delivered_sha256 = made.result_sha256";

impl Store {
    /// Returns up to `limit` deliveries that are due at `now_ms`. A delivery that waits for longer than `rest_max_ms`
    /// is due, too: the clock was set back since.
    pub async fn due_deliveries(
        &self,
        now_ms: i64,
        rest_max_ms: i64,
        limit: usize,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let latest_ms = now_ms.saturating_add(rest_max_ms).saturating_add(1);
        self.read(move |connection| {
            if !connection.value(ANY_WAITING, ())? {
                return Ok(Vec::new());
            }
            let mut jobs = job_row::all(connection, DUE, (0, now_ms, limit))?;
            let left = limit.saturating_sub(i64::try_from(jobs.len()).unwrap_or(limit));
            jobs.extend(job_row::all(connection, DUE, (latest_ms, i64::MAX, left))?);
            let mut found: Vec<_> =
                jobs.into_iter().map(|JobRow { job, .. }| (job, None)).collect();
            // Results come before watermarked copies.
            for span in [(0, now_ms), (latest_ms, i64::MAX)] {
                let left = limit.saturating_sub(i64::try_from(found.len()).unwrap_or(limit));
                let missing = watermark::due(connection, span, left)?.into_iter();
                found.extend(missing.map(|(job, missing)| (job, Some(missing))));
            }
            let mut due = Vec::new();
            for (job, missing_watermark) in found {
                let task = job.task.map(|id| find::task(connection, id)).transpose()?.flatten();
                due.extend(task.map(|task| DueDelivery { job, task, missing_watermark }));
            }
            Ok(due)
        })
        .await
    }

    /// Returns when (Unix ms) the next waiting delivery is due.
    pub async fn next_delivery_at_ms(&self, now_ms: i64) -> Result<Option<i64>, StoreError> {
        self.read(move |connection| connection.value(NEXT_DUE, [now_ms])).await
    }

    /// Returns the files that the result of a task may be copied from, as paths under the output folder, and what
    /// arrived of a download of `video`, if that was no complete video.
    pub async fn copies_of(
        &self,
        task: &Task,
        but: JobId,
        video: &'static str,
    ) -> Result<(Vec<String>, Option<IncompleteDownload>), StoreError> {
        let (id, result) = (task.id, task.result.clone());
        self.read(move |connection| {
            let incomplete = incomplete_download(connection, id, video)?;
            let Some(result) = &result else { return Ok((Vec::new(), incomplete)) };
            let copies = connection.all(
                "SELECT output FROM job WHERE task_row = ?1 AND delivered_sha256 = ?3
                   AND (id <> ?2 OR output <> asked_output)
                 ORDER BY id LIMIT 8",
                (id, but, Hex(&result.sha256)),
                |row| row.get(0),
            )?;
            Ok((copies, incomplete))
        })
        .await
    }

    /// Writes the result of a delivery attempt, and the files that it moved. Returns the change for the log; none: the
    /// job was changed in the meantime.
    pub async fn record_delivery(
        &self,
        job: Job,
        attempt: DeliveryOutcome,
        moved: Vec<MovedFile>,
        moment: Moment,
        policy: Policy,
    ) -> Result<Option<JobChange>, StoreError> {
        self.write(move |connection| {
            let change = record_attempt(connection, &job, &attempt, &moment, &policy)?;
            // After the job itself, whose own earlier file is no longer its output.
            record_moved(connection, &moved)?;
            Ok(change)
        })
        .await
    }

    /// Writes the new paths of delivered files that were moved.
    pub async fn record_moved(&self, moved: Vec<MovedFile>) -> Result<(), StoreError> {
        if moved.is_empty() {
            return Ok(());
        }
        self.write(move |connection| record_moved(connection, &moved)).await
    }
}

fn record_attempt(
    connection: &Connection,
    job: &Job,
    attempt: &DeliveryOutcome,
    moment: &Moment,
    policy: &Policy,
) -> Result<Option<JobChange>, StoreError> {
    let Some(row) = job_row::by_id(connection, job.id)? else { return Ok(None) };
    let mut now = row.job;
    if now.revision != job.revision {
        return Ok(None);
    }
    let before = (now.state, now.delivery.wait_reason.clone());
    let (state, delivery, failure, what) = deliver(&now.delivery, attempt, moment, policy);
    (now.state, now.delivery, now.failure) = (state, delivery, failure);
    if let DeliveryOutcome::Delivered { sha256, bytes } = attempt {
        now.output.clone_from(&now.spec.output);
        now.delivered = Some((sha256.clone(), *bytes));
        now.earlier_task = None;
    }
    job_row::save(connection, &mut now, row.manifest_id, moment.now_ms)?;
    if matches!(attempt, DeliveryOutcome::Delivered { .. }) {
        watermark::result_delivered(connection, now.id, now.task, now.spec.watermark)?;
    }
    let is_repeated = state == before.0 && now.delivery.wait_reason == before.1;
    if !is_repeated {
        record_change(connection, &now, Some(before.0), &what, moment.now_ms)?;
    }
    Ok(Some(JobChange {
        manifest: find::manifest_of(connection, now.id)?,
        from: Some(before.0.name().to_owned()),
        to: state.name().to_owned(),
        what,
        task_id: None,
        key: now.spec.key,
    }))
}

fn record_moved(connection: &Connection, moved: &[MovedFile]) -> Result<(), StoreError> {
    for MovedFile { from, to, request_hash, take } in moved {
        let parameters =
            named_params! { ":to": to, ":from": from, ":hash": request_hash, ":take": take };
        connection.run(RECORD_MOVED, parameters)?;
    }
    Ok(())
}
