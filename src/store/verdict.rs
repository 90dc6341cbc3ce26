//! What people think of results.

use rusqlite::{Connection, named_params};

use super::{
    Store, StoreError,
    change::JobChange,
    event::record_change,
    find, job_row,
    sql::{Hex, Sql as _},
};
use crate::job::{GivenVerdict, TaskId, VERDICT, Verdict};

/// A result by its task and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ResultId {
    pub task: TaskId,
    pub sha256: String,
}

/// A verdict that the metadata files of the result do not show yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct UnstoredVerdict {
    pub result: ResultId,
    revision: i64,
    pub request_hash: String,
    pub take: u32,
    /// None: it was withdrawn.
    pub verdict: Option<GivenVerdict>,
    /// The outputs where the result is, or was before a newer result.
    pub outputs: Vec<String>,
}

pub(super) const UNSTORED: &str = "
    SELECT v.task_row, v.result_sha256, v.revision, t.request_hash, t.take, v.verdict, v.note, v.given_at_ms
    FROM verdict v INDEXED BY verdict_unstored JOIN task t ON t.id = v.task_row
    WHERE v.stored <> v.revision ORDER BY v.given_at_ms LIMIT ?1 OFFSET ?2";

/// The first output is that of the lead job: earlier takes were set aside there.
pub(super) const OUTPUTS: &str = "
    SELECT output FROM job WHERE id = (SELECT lead_job FROM task WHERE id = ?1)
    UNION ALL
    SELECT output FROM job WHERE task_row = ?1 AND delivered_sha256 = ?2";

impl Store {
    /// Writes what a person thinks of a result; none: the person withdraws the verdict. Returns the changes of the jobs that
    /// have this result, for the log; none: there is no such result.
    pub async fn give_verdict(
        &self,
        result: ResultId,
        verdict: Option<Verdict>,
        note: Option<String>,
        now_ms: i64,
    ) -> Result<Option<Vec<JobChange>>, StoreError> {
        self.write(move |connection| give(connection, &result, verdict, note.as_deref(), now_ms))
            .await
    }

    /// Writes the verdict that the metadata beside a result have, unless there is one: the database was lost, or restored from
    /// a backup.
    pub async fn keep_verdict(
        &self,
        result: ResultId,
        found: GivenVerdict,
    ) -> Result<(), StoreError> {
        let GivenVerdict { verdict, note, given_at_ms } = found;
        let sql = "INSERT INTO verdict (task_row, result_sha256, verdict, note, given_at_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
        self.run(sql, (result.task, Hex(result.sha256), verdict, note, given_at_ms)).await
    }

    /// Returns some verdicts that metadata files do not show yet, the oldest first, without the first `but` of them.
    pub async fn unstored_verdicts(
        &self,
        but: usize,
        limit: usize,
    ) -> Result<Vec<UnstoredVerdict>, StoreError> {
        let limits = [limit, but].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        self.read(move |connection| {
            let mut found: Vec<UnstoredVerdict> = connection.all(UNSTORED, limits, |row| {
                let Hex(sha256) = row.get(1)?;
                let result = ResultId { task: row.get(0)?, sha256 };
                let (note, given_at_ms) = (row.get(6)?, row.get(7)?);
                let verdict: Option<Verdict> = row.get(5)?;
                Ok(UnstoredVerdict {
                    result,
                    revision: row.get(2)?,
                    request_hash: row.get(3)?,
                    take: row.get(4)?,
                    verdict: verdict.map(|verdict| GivenVerdict { verdict, note, given_at_ms }),
                    outputs: Vec::new(),
                })
            })?;
            for verdict in &mut found {
                verdict.outputs = outputs(connection, &verdict.result)?;
            }
            Ok(found)
        })
        .await
    }

    /// Records that the metadata files show this verdict.
    pub async fn verdict_stored(&self, verdict: &UnstoredVerdict) -> Result<(), StoreError> {
        let ResultId { task, sha256 } = verdict.result.clone();
        let sql = "UPDATE verdict SET stored = ?3 WHERE task_row = ?1 AND result_sha256 = ?2";
        self.run(sql, (task, Hex(sha256), verdict.revision)).await
    }

    /// Returns the size of a result, and the outputs where it may be; none: there is no such result.
    pub async fn result_files(
        &self,
        result: &ResultId,
    ) -> Result<Option<(u64, Vec<String>)>, StoreError> {
        let result = result.clone();
        self.read(move |connection| {
            let Some(bytes) = bytes_of(connection, &result)? else { return Ok(None) };
            Ok(Some((bytes, outputs(connection, &result)?)))
        })
        .await
    }
}

fn give(
    connection: &Connection,
    result: &ResultId,
    verdict: Option<Verdict>,
    note: Option<&str>,
    now_ms: i64,
) -> Result<Option<Vec<JobChange>>, StoreError> {
    if bytes_of(connection, result)?.is_none() {
        return Ok(None);
    }
    let written = connection.changed(
        "INSERT INTO verdict (task_row, result_sha256, verdict, note, given_at_ms)
         VALUES (:task, :sha256, :verdict, :note, :now_ms)
         ON CONFLICT DO UPDATE SET verdict = :verdict, note = :note, given_at_ms = :now_ms, revision = revision + 1
         WHERE verdict IS NOT :verdict OR note IS NOT :note",
        named_params! {
            ":task": result.task, ":sha256": Hex(&result.sha256), ":verdict": verdict, ":note": note,
            ":now_ms": now_ms,
        },
    )?;
    let mut changes = Vec::new();
    if written == 0 {
        return Ok(Some(changes));
    }
    let name = verdict.map_or("withdrawn", Verdict::name);
    let what = match note {
        Some(note) => format!("{VERDICT} {name}: {}", note.replace(char::is_control, " ")),
        None => format!("{VERDICT} {name}"),
    };
    let condition = "WHERE j.task_row = ?1 AND j.delivered_sha256 = ?2 ORDER BY j.id";
    for row in job_row::all(connection, condition, (result.task, Hex(&result.sha256)))? {
        let job = row.job;
        record_change(connection, &job, Some(job.state), &what, now_ms)?;
        let state = job.state.name().to_owned();
        changes.push(JobChange {
            manifest: find::manifest_of(connection, job.id)?,
            from: Some(state.clone()),
            to: state,
            what: what.clone(),
            task_id: None,
            key: job.spec.key,
        });
    }
    Ok(Some(changes))
}

/// Returns the size of a result; none: there is no such result.
fn bytes_of(connection: &Connection, result: &ResultId) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT result_bytes FROM task WHERE id = ?1 AND result_sha256 = ?2
               UNION ALL
               SELECT delivered_bytes FROM job WHERE task_row = ?1 AND delivered_sha256 = ?2 LIMIT 1";
    let bytes: Option<i64> =
        connection.first(sql, (result.task, Hex(&result.sha256)), |row| row.get(0))?;
    Ok(bytes.map(i64::unsigned_abs))
}

fn outputs(connection: &Connection, result: &ResultId) -> Result<Vec<String>, StoreError> {
    let mut outputs: Vec<String> =
        connection.all(OUTPUTS, (result.task, Hex(&result.sha256)), |row| row.get(0))?;
    outputs.sort();
    outputs.dedup();
    Ok(outputs)
}
