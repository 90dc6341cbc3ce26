//! What the views of the state database show, as a user would read them.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::TestEnv;

/// A job as the views show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub state: String,
    pub manifest: String,
    pub waiting_for: String,
    /// The take: 1 for the first.
    pub attempt: i64,
    pub external_task_id: String,
    /// Keys of jobs that share its task.
    pub shares_task_with: String,
    pub output: String,
    pub error: String,
    pub changed_after_sent: bool,
}

impl TestEnv {
    pub fn database(&self) -> Option<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.path("lipsyncd.db"), flags).ok()?;
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        Some(connection)
    }

    pub fn job(&self, key: &str) -> Option<Row> {
        let text = |row: &rusqlite::Row<'_>, name: &str| {
            row.get::<_, Option<String>>(name).map(Option::unwrap_or_default)
        };
        self.database()?
            .query_row("SELECT * FROM job_overview WHERE key = ?1", [key], |row| {
                Ok(Row {
                    state: row.get("state")?,
                    manifest: row.get("manifest")?,
                    waiting_for: text(row, "waiting_for")?,
                    attempt: row.get("attempt")?,
                    external_task_id: text(row, "external_task_id")?,
                    shares_task_with: text(row, "shares_task_with")?,
                    output: row.get("output")?,
                    error: text(row, "error")?,
                    changed_after_sent: row.get("changed_after_sent")?,
                })
            })
            .optional()
            .unwrap_or_default()
    }

    pub fn state(&self, key: &str) -> String {
        self.job(key).map(|job| job.state).unwrap_or_default()
    }

    /// All keys with their states, in the order of the keys.
    pub fn states(&self) -> Vec<(String, String)> {
        let Some(database) = self.database() else { return Vec::new() };
        let Ok(mut all) = database.prepare("SELECT key, state FROM job_overview ORDER BY key")
        else {
            return Vec::new();
        };
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.and_then(Iterator::collect).unwrap_or_default()
    }

    /// Whether no job lacks the watermarked copy of its result.
    pub fn has_all_watermarks(&self) -> bool {
        let sql = "SELECT count(*) FROM job_overview WHERE watermark_missing IS NOT NULL";
        let missing = self.database().map(|it| it.query_row(sql, [], |row| row.get::<_, i64>(0)));
        matches!(missing, Some(Ok(0)))
    }

    /// How many rows of a job's history meet this condition.
    pub fn count_history(&self, key: &str, condition: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM job_history WHERE key = ?1 AND {condition}");
        self.database().unwrap().query_row(&sql, [key], |row| row.get(0)).unwrap()
    }

    /// Why a manifest is refused; none if it is accepted or not known.
    pub fn refusal(&self, path: &str) -> Option<String> {
        let sql = "SELECT error FROM manifest_overview WHERE path = ?1 AND state = 'refused'";
        self.database()?.query_row(sql, [path], |row| row.get(0)).optional().unwrap_or_default()
    }

    pub fn is_accepted(&self, path: &str) -> bool {
        let sql = "SELECT count(*) FROM manifest_overview WHERE path = ?1 AND state = 'accepted'";
        let count = |database: Connection| database.query_row(sql, [path], |row| row.get(0)).ok();
        self.database().and_then(count).unwrap_or(0) == 1
    }
}
