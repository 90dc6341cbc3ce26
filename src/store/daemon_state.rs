//! The one row of `daemon_state`: the running daemon, its limits, its folder, and why it starts no tasks.

use super::{Store, StoreError};

impl Store {
    /// Writes why no new task is started although the queue is not paused; `None`: tasks are started.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_hold(&self, hold: Option<String>) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.prepare_cached("UPDATE daemon_state SET hold = ?1")?.execute([&hold])?;
            Ok(())
        })
        .await
    }

    /// Writes why the API gives no usable answer since `now_ms`; `None`: it does.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_api_problem(
        &self,
        api_problem: Option<String>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let since_ms = api_problem.as_ref().map(|_| now_ms);
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE daemon_state SET api_problem = ?1, api_problem_since_ms = ?2",
                )?
                .execute((&api_problem, since_ms))?;
            Ok(())
        })
        .await
    }

    /// Writes that a daemon started, with its limits.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn begin(
        &self,
        pid: u32,
        now_ms: i64,
        slots_configured: usize,
        cap_micro: Option<i64>,
    ) -> Result<(), StoreError> {
        let slots = i64::try_from(slots_configured).unwrap_or(i64::MAX);
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE daemon_state SET daemon_pid = ?1, daemon_since_ms = ?2, slots_configured = ?3,
                       slots_limit = ?3, cap_micro = ?4, hold = NULL, api_problem = NULL,
                       api_problem_since_ms = NULL, folder_problem = NULL, scanning = 1",
                )?
                .execute((pid, now_ms, slots, cap_micro))?;
            Ok(())
        })
        .await
    }

    /// Writes that the first complete scan since the start is done.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_scanned(&self) -> Result<(), StoreError> {
        self.write(|connection| {
            connection.prepare_cached("UPDATE daemon_state SET scanning = 0")?.execute([])?;
            Ok(())
        })
        .await
    }

    /// Returns the stored identity of `jobs_dir`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn folder(&self) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT folder FROM daemon_state")?
                .query_row([], |row| row.get(0))?)
        })
        .await
    }

    /// Writes the identity of `jobs_dir`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_folder(&self, folder: &str) -> Result<(), StoreError> {
        let folder = folder.to_owned();
        self.write(move |connection| {
            connection.prepare_cached("UPDATE daemon_state SET folder = ?1")?.execute([&folder])?;
            Ok(())
        })
        .await
    }

    /// Writes why `jobs_dir` cannot be scanned; `None`: it can.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_folder_problem(&self, problem: Option<String>) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE daemon_state SET folder_problem = ?1")?
                .execute([&problem])?;
            Ok(())
        })
        .await
    }

    /// Writes how long tasks take, from which `status` computes the time left.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_median_task_ms(&self, median_task_ms: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE daemon_state SET median_task_ms = ?1")?
                .execute([median_task_ms])?;
            Ok(())
        })
        .await
    }

    /// Returns the stored duration of tasks.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn median_task_ms(&self) -> Result<Option<i64>, StoreError> {
        self.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT median_task_ms FROM daemon_state")?
                .query_row([], |row| row.get(0))?)
        })
        .await
    }
}
