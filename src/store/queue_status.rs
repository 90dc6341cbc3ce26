//! The state of the complete queue, as `lipsyncd status` shows it. No query counts jobs or manifests: triggers count
//! them as they change, so that `status` is as fast with a million jobs.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::{
    Finished, MissingWatermarks, NotificationProblems, PackStatus, Pause, Reader, RefusedManifest,
    SpeedLimits, Store, StoreError, SupersededTasks, UploadStatus, notification, pause,
    refused::refused, remaining, resource_pack, speed, spend, sql::Sql as _, upload, watermark,
};
use crate::job::{Caps, Cost, State};

/// The state of the queue at one moment.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct QueueStatus {
    /// The number of jobs in every state, without dismissed jobs.
    pub jobs: BTreeMap<State, i64>,
    pub manifests_accepted: i64,
    pub manifests_refused: i64,
    pub refused: Vec<RefusedManifest>,
    pub slots_configured: i64,
    pub slots_limit: i64,
    pub caps: Caps,
    pub spent_today: Cost,
    pub spent_total: Cost,
    pub pause: Option<Pause>,
    /// Why no new task is started although the queue is not paused.
    pub hold: Option<String>,
    /// Why the API gives no usable answer; none: it does.
    pub api_problem: Option<ApiProblem>,
    /// The uploads of local videos.
    pub uploads: UploadStatus,
    /// Until when calls rest because the API limits their rate; none: it does not.
    pub rate_limit: Option<RateLimit>,
    /// What limits how fast jobs finish, as the daemon wrote it last.
    pub speed_limits: SpeedLimits,
    /// How many jobs finished lately.
    pub finished: Finished,
    pub folder_problem: Option<String>,
    /// Folders in `jobs_dir` that cannot be read; none: all can.
    pub unreadable_folders: Option<UnreadableFolders>,
    /// Why local videos cannot be served to the API.
    pub video_server_problem: Option<String>,
    /// Why results may not be downloaded from this machine.
    pub result_hosts_problem: Option<String>,
    /// How many jobs wait for their place in the output folder to be writable, and what the first of
    /// them waits for.
    pub blocked: Option<(i64, String)>,
    /// Unresolved tasks that no job points to. They are not part of `jobs`.
    pub superseded: SupersededTasks,
    /// Jobs that have their result and lack the watermarked copy after a try.
    pub missing_watermarks: MissingWatermarks,
    /// Jobs whose paid result does not come to its file, without those of `blocked`.
    pub undelivered: Option<Undelivered>,
    pub notifications: NotificationProblems,
    /// The account's resource packs.
    pub packs: PackStatus,
    pub slots_used: i64,
    pub changed_after_sent: i64,
    pub first_changed: Option<String>,
    pub dismissed: i64,
    pub median_task_ms: Option<i64>,
    /// The PID of the daemon that started last. It may have ended.
    pub daemon_pid: Option<u32>,
    pub daemon_since_ms: Option<i64>,
}

/// A problem of the API that holds the complete queue and may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ApiProblem {
    pub reason: String,
    pub since_ms: i64,
}

/// The API limits the rate of calls (1302): they rest until these times. After a while without a refusal, it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The code of the answer.
    pub code: Option<i64>,
    /// Identify Face and Create Task rest until then (Unix ms).
    pub paid_until_ms: i64,
    /// Queries rest until then (Unix ms).
    pub queries_until_ms: i64,
    /// When (Unix ms) it began.
    pub since_ms: i64,
    /// How many refusals there were since then.
    pub times: i64,
}

/// Folders in `jobs_dir` that cannot be read. The jobs in them are not cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct UnreadableFolders {
    pub count: i64,
    /// Under `jobs_dir`, ending in `/`.
    pub first: String,
    pub reason: String,
}

/// Jobs whose paid result does not come to its file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Undelivered {
    pub jobs: i64,
    /// Its key.
    pub first_job: String,
    /// Why the result of the first job does not come.
    pub reason: String,
}

const REFUSED_MAX: i64 = 5;

const DAEMON_STATE: &str = "
    SELECT slots_configured, slots_limit, cap_micro, hold, median_task_ms, daemon_pid, daemon_since_ms, api_problem,
      api_problem_since_ms, manifests_accepted, manifests_refused, folder_problem, result_hosts_problem,
      rate_limit_code, paid_rest_until_ms, query_rest_until_ms, rate_limit_since_ms, rate_limit_times, money_cap_micro,
      hold_until_ms, unreadable_folders, unreadable_folder, unreadable_reason, video_server_problem FROM daemon_state";

/// Reads tasks that wait for a time, not the queue.
pub(super) const BLOCKED_JOBS: &str = "
    SELECT count(*), min(wait_reason) FROM (
      SELECT wait_reason FROM task INDEXED BY task_delayed
      WHERE state = 'queued' AND due_at_ms > 0 AND output_blocked
      UNION ALL
      SELECT wait_reason FROM task INDEXED BY task_state
      WHERE state IN ('identified', 'creating', 'downloading') AND due_at_ms > 0 AND output_blocked
      UNION ALL
      SELECT wait_reason FROM job INDEXED BY job_due WHERE due_at_ms > 0 AND output_blocked)";

pub(super) const SLOTS_USED: &str = "
    SELECT count(*) FROM task INDEXED BY task_state
    WHERE state IN ('creating', 'submitted', 'processing') AND slot_released = 0";

/// The key is that of the row with the lowest id.
pub(super) const CHANGED: &str = "
    SELECT count(*), key, min(id) FROM job INDEXED BY job_changed WHERE changed_after_sent = 1 AND absent_since_ms IS NULL";

pub(super) const DISMISSED: &str = "
    SELECT count(*) FROM job INDEXED BY job_dismissed WHERE dismissed = 1 AND state = 'failed'";

/// How long downloads may fail before that is reported: the network may be the reason for a while.
const UNDELIVERED_AFTER_MS: i64 = 5 * 60 * 1000;

/// The first job is the one with the lowest id.
pub(super) const UNDELIVERED: &str = "
    SELECT count(*), min(id), key, wait_reason FROM (
      SELECT j.id, j.key, t.wait_reason FROM task t INDEXED BY task_state JOIN job j ON j.task_row = t.id
      WHERE t.state = 'downloading' AND t.failing_since_ms <= ?1 AND NOT t.output_blocked
      UNION ALL
      SELECT id, key, wait_reason FROM job INDEXED BY job_due
      WHERE due_at_ms > 0 AND failing_since_ms <= ?1 AND NOT output_blocked)";

impl QueueStatus {
    /// Whether the account is charged money while only its units are capped.
    pub fn has_uncapped_money(&self) -> bool {
        let Caps { units_micro, money_micro } = self.caps;
        self.spent_total.money_micro > 0 && units_micro.is_some() && money_micro.is_none()
    }

    /// Returns the number of jobs in `states`.
    pub fn count(&self, states: &[State]) -> i64 {
        states.iter().filter_map(|state| self.jobs.get(state)).sum()
    }
}

impl Reader {
    /// Reads the state of the queue in one transaction; `now_ms` (Unix time) decides which day is today.
    pub fn queue_status(&self, now_ms: i64) -> Result<QueueStatus, StoreError> {
        queue_status(&self.connection, now_ms)
    }
}

impl Store {
    /// Does the same as [`Reader::queue_status`], on the reading connection of the daemon.
    pub async fn queue_status(&self, now_ms: i64) -> Result<QueueStatus, StoreError> {
        self.read(move |connection| queue_status(connection, now_ms)).await
    }
}

pub(super) fn queue_status(
    connection: &Connection,
    now_ms: i64,
) -> Result<QueueStatus, StoreError> {
    // One transaction, so that the numbers belong together.
    let moment = connection.unchecked_transaction()?;
    let mut jobs = jobs(&moment)?;
    let dismissed: i64 = moment.value(DISMISSED, ())?;
    if let Some(failed) = jobs.get_mut(&State::Failed) {
        *failed -= dismissed;
    }
    let (changed_after_sent, first_changed) = moment.row(CHANGED, (), |row| row.try_into())?;
    let (pause, superseded) = (pause::read_pause(&moment)?, remaining::superseded(&moment)?);
    let refused = refused(&moment, REFUSED_MAX)?;
    let (blocked, undelivered) = (blocked(&moment)?, undelivered(&moment, now_ms)?);
    let (slots_used, spent_today) =
        (moment.value(SLOTS_USED, ())?, spend::on_day(&moment, now_ms)?);
    let (spent_total, uploads) = (spend::in_all(&moment)?, upload::status(&moment)?);
    let missing_watermarks = watermark::missing(&moment)?;
    let notifications = notification::problems(&moment)?;
    let packs = resource_pack::status(&moment)?;
    let (speed_limits, finished) = (speed::limits(&moment)?, speed::finished(&moment, now_ms)?);
    let queue_status = moment.row(DAEMON_STATE, (), |row| {
        let (hold, until_ms): (Option<String>, Option<i64>) =
            (row.get(3)?, row.get("hold_until_ms")?);
        let (api_problem, since_ms): (Option<_>, Option<_>) = (row.get(7)?, row.get(8)?);
        Ok(QueueStatus {
            jobs,
            manifests_accepted: row.get(9)?,
            manifests_refused: row.get(10)?,
            refused,
            slots_configured: row.get(0)?,
            slots_limit: row.get(1)?,
            caps: Caps { units_micro: row.get(2)?, money_micro: row.get("money_cap_micro")? },
            spent_today,
            spent_total,
            pause,
            // A daemon that ended on an earlier day may have left it.
            hold: hold.filter(|_| until_ms.is_none_or(|until_ms| until_ms > now_ms)),
            api_problem: api_problem
                .zip(since_ms)
                .map(|(reason, since_ms)| ApiProblem { reason, since_ms }),
            uploads,
            rate_limit: rate_limit(row)?,
            speed_limits,
            finished,
            folder_problem: row.get(11)?,
            unreadable_folders: unreadable_folders(row)?,
            video_server_problem: row.get("video_server_problem")?,
            result_hosts_problem: row.get(12)?,
            blocked,
            superseded,
            missing_watermarks,
            undelivered,
            notifications,
            packs,
            slots_used,
            changed_after_sent,
            first_changed,
            dismissed,
            median_task_ms: row.get(4)?,
            daemon_pid: row.get(5)?,
            daemon_since_ms: row.get(6)?,
        })
    })?;
    moment.commit()?;
    Ok(queue_status)
}

fn rate_limit(row: &Row<'_>) -> rusqlite::Result<Option<RateLimit>> {
    let (paid_until_ms, queries_until_ms): (Option<i64>, Option<i64>) =
        (row.get("paid_rest_until_ms")?, row.get("query_rest_until_ms")?);
    let Some((paid_until_ms, queries_until_ms)) = paid_until_ms.zip(queries_until_ms) else {
        return Ok(None);
    };
    Ok(Some(RateLimit {
        code: row.get("rate_limit_code")?,
        paid_until_ms,
        queries_until_ms,
        since_ms: row.get("rate_limit_since_ms")?,
        times: row.get("rate_limit_times")?,
    }))
}

fn unreadable_folders(row: &Row<'_>) -> rusqlite::Result<Option<UnreadableFolders>> {
    let (first, reason): (Option<_>, Option<_>) =
        (row.get("unreadable_folder")?, row.get("unreadable_reason")?);
    let count = row.get("unreadable_folders")?;
    Ok(first.zip(reason).map(|(first, reason)| UnreadableFolders { count, first, reason }))
}

/// A state that another version of lipsyncd stored is left out.
fn jobs(connection: &Connection) -> Result<BTreeMap<State, i64>, StoreError> {
    let counts: Vec<(String, i64)> =
        connection.all("SELECT name, jobs FROM state", (), |row| row.try_into())?;
    let known = counts.into_iter().filter_map(|(name, jobs)| Some((State::named(&name)?, jobs)));
    Ok(State::ALL.into_iter().map(|state| (state, 0)).chain(known).collect())
}

fn blocked(connection: &Connection) -> Result<Option<(i64, String)>, StoreError> {
    let (jobs, reason): (i64, Option<String>) =
        connection.row(BLOCKED_JOBS, (), |row| row.try_into())?;
    Ok(reason.map(|reason| (jobs, reason)))
}

fn undelivered(connection: &Connection, now_ms: i64) -> Result<Option<Undelivered>, StoreError> {
    let since_ms = now_ms.saturating_sub(UNDELIVERED_AFTER_MS);
    connection.row(UNDELIVERED, [since_ms], |row| {
        let (first_job, reason): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
        let jobs = row.get(0)?;
        Ok(first_job.zip(reason).map(|(first_job, reason)| Undelivered { jobs, first_job, reason }))
    })
}
