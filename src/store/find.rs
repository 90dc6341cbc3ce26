//! Finds one task, job or manifest.

use std::sync::LazyLock;

use rusqlite::Connection;

use super::{Reader, Store, StoreError, job_row, sql::Sql as _, task_row};
use crate::job::{Job, JobId, Task, TaskId};

impl Store {
    /// Returns the path of the manifest of the job of that row.
    pub async fn manifest_of(&self, id: JobId) -> Result<String, StoreError> {
        self.read(move |connection| manifest_of(connection, id)).await
    }

    /// Returns the task of that row, if there is one.
    pub async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.read(move |connection| task(connection, id)).await
    }

    /// Returns the row of the task that has Kling's task of that id, if one has.
    pub async fn owner_of_task(&self, task_id: &str) -> Result<Option<TaskId>, StoreError> {
        let task_id = task_id.to_owned();
        self.read(move |connection| Ok(owner_of_task(connection, &task_id)?.map(|(id, _)| id)))
            .await
    }

    /// Returns the job of that key, if there is one, with its labels.
    pub async fn job_by_key(&self, key: &str) -> Result<Option<Job>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| {
            let Some(row) = job_row::by_key(connection, &key)? else { return Ok(None) };
            let mut job = row.job;
            job.spec.labels = job_row::labels(connection, job.id)?;
            Ok(Some(job))
        })
        .await
    }

    /// Returns the task that the job of that key points to, if it points to one.
    pub async fn task_of_job(&self, key: &str) -> Result<Option<Task>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| {
            let condition = "WHERE t.id = (SELECT task_row FROM job WHERE key = ?1)";
            task_row::one(connection, condition, [&key])
        })
        .await
    }
}

impl Reader {
    /// Returns the key of the job that has the task `task_id`, if one has.
    pub fn owner_of_task(&self, task_id: &str) -> Result<Option<String>, StoreError> {
        Ok(owner_of_task(&self.connection, task_id)?.map(|(_, key)| key))
    }
}

pub(super) fn task(connection: &Connection, id: TaskId) -> Result<Option<Task>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| task_row::select(None, "WHERE t.id = ?1"));
    connection.first(&SQL, [id], task_row::read)
}

pub(super) fn manifest_of(connection: &Connection, id: JobId) -> Result<String, StoreError> {
    let sql = "SELECT path FROM manifest WHERE id = (SELECT manifest_id FROM job WHERE id = ?1)";
    connection.value(sql, [id])
}

pub(super) fn owner_of_task(
    connection: &Connection,
    task_id: &str,
) -> Result<Option<(TaskId, String)>, StoreError> {
    let sql = "SELECT t.id, j.key FROM task t JOIN job j ON j.id = t.lead_job WHERE t.task_id = ?1";
    connection.first(sql, [task_id], |row| row.try_into())
}
