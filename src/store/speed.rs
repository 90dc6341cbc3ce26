//! How fast jobs finish, and what limits it.

use rusqlite::Connection;

use super::{Store, StoreError, sql::Sql as _};
use crate::job::names;

/// The rate is that of the last 5 minutes, or of three usual tasks, if these take longer.
const WINDOW_MIN_MS: i64 = 5 * 60_000;
/// The table `finished` goes back to this.
const WINDOW_MAX_MS: i64 = 60 * 60_000;
const TASKS_PER_WINDOW: i64 = 3;
/// The rows of `finished` count the jobs of so many ms.
const STEP_MS: i64 = 10_000;

/// What limits how fast jobs finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeedLimit {
    /// All slots are in use.
    Slots,
    /// The API limits the rate of calls (1302).
    Api,
    /// `limits.identify_per_second`.
    IdentifyRate,
    /// `limits.create_per_second`.
    CreateRate,
    /// `limits.query_per_second`.
    QueryRate,
    /// Uploads of local videos.
    Uploads,
    /// `download.concurrency`.
    Downloads,
}

names!(SpeedLimit {
    Slots: "slots",
    Api: "api",
    IdentifyRate: "identify_rate",
    CreateRate: "create_rate",
    QueryRate: "query_rate",
    Uploads: "uploads",
    Downloads: "downloads",
});

/// What limits the steps of jobs, in words; none: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpeedLimits {
    /// What limits the complete queue.
    pub queue: Option<SpeedLimit>,
    /// What limits how fast videos are identified.
    pub identify: Option<String>,
    /// What limits how fast create requests are sent, beside slots.
    pub create: Option<String>,
    /// What limits how fast results are downloaded.
    pub download: Option<String>,
}

impl Finished {
    /// Returns how many jobs finish per minute; none: the time is too short for a rate.
    pub fn per_minute(self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = self.jobs as f64 * 60_000.0 / self.window_ms as f64;
        (self.window_ms >= STEP_MS).then_some((rate * 100.0).round() / 100.0)
    }
}

/// How many jobs finished lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Finished {
    /// Jobs that succeeded, or failed after they had been queued.
    pub jobs: i64,
    /// In how many ms; 0: the daemon has just started.
    pub window_ms: i64,
}

impl Store {
    /// Writes what limits the steps of jobs.
    pub async fn set_speed_limits(&self, limits: SpeedLimits) -> Result<(), StoreError> {
        let SpeedLimits { queue, identify, create, download } = limits;
        let sql = "
            UPDATE daemon_state SET speed_limit = ?1, identify_limit = ?2, create_limit = ?3, download_limit = ?4";
        self.run(sql, (queue.map(SpeedLimit::name), identify, create, download)).await
    }
}

/// Reads what the daemon wrote last.
pub(super) fn limits(connection: &Connection) -> Result<SpeedLimits, StoreError> {
    let sql = "SELECT speed_limit, identify_limit, create_limit, download_limit FROM daemon_state";
    connection.row(sql, (), |row| {
        let queue: Option<String> = row.get(0)?;
        Ok(SpeedLimits {
            queue: queue.as_deref().and_then(SpeedLimit::named),
            identify: row.get(1)?,
            create: row.get(2)?,
            download: row.get(3)?,
        })
    })
}

/// Counts the jobs that finished lately. Before the first tasks of a run can have ended, nothing counts.
pub(super) fn finished(connection: &Connection, now_ms: i64) -> Result<Finished, StoreError> {
    let sql = "SELECT median_task_ms, daemon_since_ms FROM daemon_state";
    let (median_ms, since_ms): (Option<i64>, Option<i64>) =
        connection.row(sql, (), |row| row.try_into())?;
    let usual_ms = median_ms.unwrap_or(0);
    let window_ms = usual_ms.saturating_mul(TASKS_PER_WINDOW).clamp(WINDOW_MIN_MS, WINDOW_MAX_MS);
    let first_end_ms = since_ms.unwrap_or(0).saturating_add(usual_ms);
    let first = now_ms.saturating_sub(window_ms).max(first_end_ms) / STEP_MS;
    let sql = "SELECT coalesce(sum(jobs), 0) FROM finished WHERE at_10s BETWEEN ?1 AND ?2";
    let jobs = connection.value(sql, (first, now_ms / STEP_MS))?;
    Ok(Finished { jobs, window_ms: now_ms.saturating_sub(first * STEP_MS).max(0) })
}
