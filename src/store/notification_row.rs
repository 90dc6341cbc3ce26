//! A message about what happened, as it is stored.

use rusqlite::{Connection, Row};

use super::{
    StoreError,
    sql::{Sql as _, columns},
};

/// A message for one target. Triggers of `schema.sql` write it; which columns are set depends on the event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Notification {
    pub id: i64,
    /// The same at each try.
    pub message_id: String,
    /// The place of the target in the configuration, from 1.
    pub target: i64,
    pub event: String,
    /// When it happened (Unix ms).
    pub at_ms: i64,
    pub manifest: Option<String>,
    pub job: Option<String>,
    pub output: Option<String>,
    pub task_id: Option<String>,
    pub jobs: Option<i64>,
    pub succeeded: Option<i64>,
    pub failed: Option<i64>,
    pub cancelled: Option<i64>,
    /// As `paused_by` of the view `queue_status`.
    pub paused_by: Option<String>,
    pub code: Option<i64>,
    pub reason: Option<String>,
    /// The daily budget in millionths of a unit.
    pub cap_micro: Option<i64>,
    /// The same for an account that pays from a balance, in millionths of its currency.
    pub money_cap_micro: Option<i64>,
    /// How often it was tried to send it.
    pub tries: i64,
    pub first_try_at_ms: Option<i64>,
    /// Why the last try failed.
    pub problem: Option<String>,
    /// The jobs of `jobs.failed`, the largest groups first.
    pub failures: Vec<FailureGroup>,
}

/// Failed jobs with the same code and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct FailureGroup {
    pub error_code: String,
    pub reason: String,
    pub jobs: i64,
    pub example_key: String,
}

pub(super) const COLUMNS: &str = "
    SELECT id, message_id, target, event, at_ms, manifest, job, output, task_id, jobs, succeeded, failed, cancelled,
      paused_by, code, reason, cap_micro, tries, first_try_at_ms, problem, money_cap_micro FROM notification";

/// More groups are not part of a message, which says how many jobs failed in all.
const GROUPS_MAX: i64 = 20;

/// Reads the message of a row.
pub(super) fn by_id(connection: &Connection, id: i64) -> Result<Option<Notification>, StoreError> {
    let found = connection.first(&format!("{COLUMNS} WHERE id = ?1"), [id], read)?;
    let Some(mut found) = found else { return Ok(None) };
    found.failures = connection.all(
        "SELECT error_code, reason, jobs, example_key FROM notification_failure WHERE notification_id = ?1
         ORDER BY jobs DESC, error_code, reason LIMIT ?2",
        (id, GROUPS_MAX),
        |row| columns!(row => FailureGroup: error_code reason jobs example_key),
    )?;
    Ok(Some(found))
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Notification> {
    Ok(Notification {
        id: row.get(0)?,
        message_id: row.get(1)?,
        target: row.get(2)?,
        event: row.get(3)?,
        at_ms: row.get(4)?,
        manifest: row.get(5)?,
        job: row.get(6)?,
        output: row.get(7)?,
        task_id: row.get(8)?,
        jobs: row.get(9)?,
        succeeded: row.get(10)?,
        failed: row.get(11)?,
        cancelled: row.get(12)?,
        paused_by: row.get(13)?,
        code: row.get(14)?,
        reason: row.get(15)?,
        cap_micro: row.get(16)?,
        tries: row.get(17)?,
        first_try_at_ms: row.get(18)?,
        problem: row.get(19)?,
        money_cap_micro: row.get(20)?,
        failures: Vec::new(),
    })
}
