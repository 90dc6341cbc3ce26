//! Unresolved tasks that no job points to: the lead job asks for something else now. A person can decide them only
//! through the lead job.

use rusqlite::Connection;

use super::{Reader, StoreError, sql::Sql as _};

/// Unresolved tasks that no job points to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SupersededTasks {
    pub tasks: i64,
    /// The keys of the lead jobs of the first such tasks.
    pub jobs: Vec<String>,
}

const NAMED_MAX: i64 = 5;

pub(super) const COUNT: &str = "
    SELECT count(*) FROM task INDEXED BY task_state
    WHERE state = 'unresolved' AND NOT EXISTS (SELECT 1 FROM job WHERE task_row = task.id)";

pub(super) const KEYS: &str = "
    SELECT j.key FROM task t INDEXED BY task_state JOIN job j ON j.id = t.lead_job
    WHERE t.state = 'unresolved' AND NOT EXISTS (SELECT 1 FROM job WHERE task_row = t.id)
    ORDER BY t.id LIMIT ?1";

impl Reader {
    /// Returns the unresolved tasks that no job points to.
    pub fn superseded(&self) -> Result<SupersededTasks, StoreError> {
        read(&self.connection)
    }
}

pub(super) fn read(connection: &Connection) -> Result<SupersededTasks, StoreError> {
    let tasks = connection.value(COUNT, ())?;
    let keys = connection.all(KEYS, [NAMED_MAX], |row| row.get(0))?;
    let mut jobs: Vec<String> = keys;
    // One job may lead several of these tasks.
    let mut named = std::collections::HashSet::new();
    jobs.retain(|key| named.insert(key.clone()));
    Ok(SupersededTasks { tasks, jobs })
}
