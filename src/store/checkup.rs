//! The queries of `lipsyncd doctor`. Each has a limit, so that a large or damaged database does not delay `doctor`
//! or the daemon.

use std::{sync::mpsc, thread, time::Duration};

use rusqlite::ErrorCode;

use super::{
    Reader, StoreError,
    sql::{Sql as _, columns},
};

/// The result of an integrity check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum IntegrityCheck {
    Intact,
    Damaged(String),
    /// The time limit came first. The part that was read is intact.
    Unfinished,
}

/// A task that was not sent, or has an unknown outcome, according to the database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct OpenTask {
    pub key: String,
    pub state: String,
    pub external_task_id: String,
    pub request_hash: String,
    pub take: u32,
    pub output: String,
}

/// How many of the latest jobs are searched for local videos.
const LATEST_JOBS: i64 = 2_000;
/// How many of the latest results are averaged.
const LATEST_RESULTS: i64 = 200;

const OPEN_TASKS: &str = "
    SELECT j.key, t.state, t.external_task_id, t.request_hash, t.take, j.asked_output AS output
    FROM task t INDEXED BY task_state JOIN job j ON j.id = t.lead_job WHERE t.state = ?1 ORDER BY t.id LIMIT ?2";

const LOCAL_VIDEOS: &str = "
    SELECT key FROM (SELECT id, key, video_url FROM job ORDER BY id DESC LIMIT ?1)
    WHERE video_url IS NOT NULL ORDER BY id DESC LIMIT ?2";

const AVERAGE_RESULT: &str = "
    SELECT CAST(avg(result_bytes) AS INTEGER) FROM (
      SELECT result_bytes FROM task INDEXED BY task_state WHERE state = 'succeeded' ORDER BY id DESC LIMIT ?1)";

impl Reader {
    /// Checks the database for at most `time`.
    pub fn integrity(&self, time: Duration) -> Result<IntegrityCheck, StoreError> {
        let interrupt = self.connection.get_interrupt_handle();
        let (done, wait) = mpsc::channel::<()>();
        let guard = thread::spawn(move || {
            if wait.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout) {
                interrupt.interrupt();
            }
        });
        let health: Result<String, _> =
            self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
        drop(done);
        let _ended = guard.join();
        match health {
            Ok(health) if health == "ok" => Ok(IntegrityCheck::Intact),
            Ok(health) => Ok(IntegrityCheck::Damaged(health)),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Ok(IntegrityCheck::Unfinished)
            }
            Err(error) => match StoreError::from(error) {
                error if error.is_damage() => Ok(IntegrityCheck::Damaged(error.to_string())),
                error => Err(error),
            },
        }
    }

    /// Returns the first `most` tasks of each state without a known task at Kling.
    pub fn open_tasks(&self, most: usize) -> Result<Vec<OpenTask>, StoreError> {
        let mut tasks = Vec::new();
        for state in ["queued", "identified", "waiting", "creating", "unresolved"] {
            tasks.extend(self.connection.all::<_, Vec<_>>(OPEN_TASKS, (state, most), |row| {
                columns!(row => OpenTask: key state external_task_id request_hash take output)
            })?);
        }
        Ok(tasks)
    }

    /// Returns at most `most` of the latest delivered files: key, path under the output folder, and size.
    pub fn delivered_files(&self, most: usize) -> Result<Vec<(String, String, u64)>, StoreError> {
        let sql = "SELECT key, output, delivered_bytes FROM job INDEXED BY job_state
                   WHERE state = 'succeeded' ORDER BY id DESC LIMIT ?1";
        self.connection.all(sql, [most], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()))
        })
    }

    /// Returns the keys of at most `most` of the latest jobs with a local video.
    pub fn jobs_with_local_videos(&self, most: usize) -> Result<Vec<String>, StoreError> {
        self.connection.all(LOCAL_VIDEOS, (LATEST_JOBS, most), |row| row.get(0))
    }

    /// Returns the average size of the latest results in bytes; none before the first result.
    pub fn average_result_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.connection.value(AVERAGE_RESULT, [LATEST_RESULTS])
    }
}
