//! Tasks with an unknown create request that no job points to any more: the lead job asks for something else by now, and
//! only through that job a person can decide them.

use rusqlite::Connection;

use super::{Reader, StoreError};

/// Unresolved tasks that no job points to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SupersededTasks {
    /// How many there are.
    pub tasks: i64,
    /// The keys of the jobs through which the first of them are decided.
    pub jobs: Vec<String>,
}

/// So many tasks are named by the keys of their jobs.
const NAMED_MAX: i64 = 5;

pub(super) const COUNT: &str = "
    SELECT count(*) FROM task INDEXED BY task_state
    WHERE state = 'unresolved' AND NOT EXISTS (SELECT 1 FROM job WHERE task_row = task.id)";

pub(super) const KEYS: &str = "
    SELECT j.key FROM task t INDEXED BY task_state JOIN job j ON j.id = t.lead_job
    WHERE t.state = 'unresolved' AND NOT EXISTS (SELECT 1 FROM job WHERE task_row = t.id)
    ORDER BY t.id LIMIT ?1";

impl Reader {
    /// Returns the unresolved tasks that no job points to any more.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn superseded(&self) -> Result<SupersededTasks, StoreError> {
        read(&self.connection)
    }
}

/// Returns the unresolved tasks that no job points to any more.
pub(super) fn read(connection: &Connection) -> Result<SupersededTasks, StoreError> {
    let tasks = connection.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(KEYS)?;
    let keys = statement.query_map([NAMED_MAX], |row| row.get(0))?;
    let mut jobs: Vec<String> = keys.collect::<Result<_, _>>()?;
    // A job may have led several; it decides one after the other.
    let mut named = std::collections::HashSet::new();
    jobs.retain(|key| named.insert(key.clone()));
    Ok(SupersededTasks { tasks, jobs })
}
