//! The one row of `daemon_state`: the running daemon, its limits, its folder, and why it starts no tasks.

use super::{Hold, RateLimit, Store, StoreError, UnreadableFolders, sql::Sql as _};
use crate::job::Caps;

impl Store {
    /// Writes why no new task is started although the queue is not paused; `None`: tasks are started.
    pub async fn set_hold(&self, hold: Option<Hold>) -> Result<(), StoreError> {
        let kind = hold.as_ref().map(|hold| hold.kind.name());
        let until_ms = hold.as_ref().map(|hold| hold.until_ms);
        let sql = "UPDATE daemon_state SET hold = ?1, hold_kind = ?2, hold_until_ms = ?3";
        self.run(sql, (hold.map(|hold| hold.reason), kind, until_ms)).await
    }

    /// Writes why the API gives no usable answer since `now_ms`; `None`: it does.
    pub async fn set_api_problem(
        &self,
        api_problem: Option<String>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let since_ms = api_problem.as_ref().map(|_| now_ms);
        self.run(
            "UPDATE daemon_state SET api_problem = ?1, api_problem_since_ms = ?2",
            (api_problem, since_ms),
        )
        .await
    }

    /// Writes until when (Unix ms) calls rest after the API limited their rate.
    pub async fn set_rate_limit(&self, limit: RateLimit) -> Result<(), StoreError> {
        let RateLimit { code, paid_until_ms, queries_until_ms, since_ms, times } = limit;
        let sql = "
            UPDATE daemon_state SET rate_limit_code = ?1, paid_rest_until_ms = ?2, query_rest_until_ms = ?3,
              rate_limit_since_ms = ?4, rate_limit_times = ?5";
        self.run(sql, (code, paid_until_ms, queries_until_ms, since_ms, times)).await
    }

    /// Writes that the API has not limited the rate of calls for a while.
    pub async fn end_rate_limit(&self) -> Result<(), StoreError> {
        let sql = "
            UPDATE daemon_state SET rate_limit_code = NULL, paid_rest_until_ms = NULL, query_rest_until_ms = NULL,
              rate_limit_since_ms = NULL, rate_limit_times = NULL";
        self.run(sql, ()).await
    }

    /// Writes that a daemon started, with its limits.
    pub async fn begin(
        &self,
        pid: u32,
        now_ms: i64,
        slots_configured: usize,
        caps: Caps,
    ) -> Result<(), StoreError> {
        let slots = i64::try_from(slots_configured).unwrap_or(i64::MAX);
        let sql = "
            UPDATE daemon_state SET daemon_pid = ?1, daemon_since_ms = ?2, slots_configured = ?3, slots_limit = ?3,
              cap_micro = ?4, money_cap_micro = ?5, hold = NULL, hold_kind = NULL, hold_until_ms = NULL, api_problem = NULL, api_problem_since_ms = NULL,
              rate_limit_code = NULL, paid_rest_until_ms = NULL, query_rest_until_ms = NULL, rate_limit_since_ms = NULL,
              rate_limit_times = NULL, speed_limit = NULL, identify_limit = NULL, create_limit = NULL,
              download_limit = NULL, folder_problem = NULL, unreadable_folders = 0, unreadable_folder = NULL,
              unreadable_reason = NULL, video_server_problem = NULL, result_hosts_problem = NULL, scanning = 1";
        self.run(sql, (pid, now_ms, slots, caps.units_micro, caps.money_micro)).await
    }

    /// Writes that the first complete scan since the start is done.
    pub async fn set_scanned(&self) -> Result<(), StoreError> {
        self.run("UPDATE daemon_state SET scanning = 0", ()).await
    }

    /// Returns the stored identity of `jobs_dir`.
    pub async fn folder(&self) -> Result<Option<String>, StoreError> {
        self.read(|connection| connection.value("SELECT folder FROM daemon_state", ())).await
    }

    /// Writes the identity of `jobs_dir`.
    pub async fn set_folder(&self, folder: &str) -> Result<(), StoreError> {
        let folder = folder.to_owned();
        self.run("UPDATE daemon_state SET folder = ?1", (folder,)).await
    }

    /// Writes why `jobs_dir` cannot be scanned; `None`: it can.
    pub async fn set_folder_problem(&self, problem: Option<String>) -> Result<(), StoreError> {
        self.run("UPDATE daemon_state SET folder_problem = ?1", (problem,)).await
    }

    /// Writes why local videos cannot be served; `None`: they can.
    pub async fn set_video_server_problem(
        &self,
        problem: Option<String>,
    ) -> Result<(), StoreError> {
        self.run("UPDATE daemon_state SET video_server_problem = ?1", (problem,)).await
    }

    /// Writes which folders in `jobs_dir` cannot be read; `None`: all can.
    pub async fn set_unreadable_folders(
        &self,
        folders: Option<UnreadableFolders>,
    ) -> Result<(), StoreError> {
        let count = folders.as_ref().map_or(0, |folders| folders.count);
        let first = folders.map(|folders| (folders.first, folders.reason));
        let (first, reason) = first.unzip();
        let sql = "
            UPDATE daemon_state SET unreadable_folders = ?1, unreadable_folder = ?2, unreadable_reason = ?3";
        self.run(sql, (count, first, reason)).await
    }

    /// Writes why results may not be downloaded from this machine; `None`: they may.
    pub async fn set_result_hosts_problem(
        &self,
        problem: Option<String>,
    ) -> Result<(), StoreError> {
        self.run("UPDATE daemon_state SET result_hosts_problem = ?1", (problem,)).await
    }

    /// Writes how long tasks take, from which `status` computes the time left.
    pub async fn set_median_task_ms(&self, median_task_ms: i64) -> Result<(), StoreError> {
        self.run("UPDATE daemon_state SET median_task_ms = ?1", (median_task_ms,)).await
    }

    /// Returns the stored duration of tasks.
    pub async fn median_task_ms(&self) -> Result<Option<i64>, StoreError> {
        self.read(|connection| connection.value("SELECT median_task_ms FROM daemon_state", ()))
            .await
    }
}
