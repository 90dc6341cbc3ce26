//! Units per UTC day, stored in millionths.

use rusqlite::{Connection, named_params};

use super::{Store, StoreError, sql::Sql as _};
use crate::job::Spend;

const ADD: &str = "
    INSERT INTO spend (day, identify_micro, task_micro, tasks)
    VALUES (strftime('%Y-%m-%d', :at_ms / 1000.0, 'unixepoch'), :identify, :task, :tasks)
    ON CONFLICT (day) DO UPDATE SET
      identify_micro = min(identify_micro + excluded.identify_micro, :most),
      task_micro = min(task_micro + excluded.task_micro, :most), tasks = tasks + excluded.tasks";

/// The limit of a column: a billion units, the largest `limits.units_per_day`. So a nonsensical cost cannot
/// overflow a sum, and cannot keep a paid task from being recorded.
const DAY_MOST_MICRO: i64 = 1_000_000_000_000_000;

impl Store {
    /// Returns the units of the UTC day of `now_ms`, in millionths.
    pub async fn spent_today_micro(&self, now_ms: i64) -> Result<i64, StoreError> {
        self.read(move |connection| on_day(connection, now_ms)).await
    }
}

/// Adds to the UTC day of `now_ms`, inside the caller's transaction.
pub(super) fn add(connection: &Connection, spend: Spend, now_ms: i64) -> Result<(), StoreError> {
    if spend != Spend::default() {
        connection.run(
            ADD,
            named_params! {
                ":at_ms": now_ms, ":identify": spend.identify_micro.min(DAY_MOST_MICRO),
                ":task": spend.task_micro.min(DAY_MOST_MICRO), ":tasks": spend.tasks,
                ":most": DAY_MOST_MICRO,
            },
        )?;
    }
    Ok(())
}

pub(super) fn on_day(connection: &Connection, now_ms: i64) -> Result<i64, StoreError> {
    let spent = connection.first(
        "SELECT identify_micro + task_micro FROM spend
             WHERE day = strftime('%Y-%m-%d', ?1 / 1000.0, 'unixepoch')",
        [now_ms],
        |row| row.get(0),
    )?;
    Ok(spent.unwrap_or(0))
}

pub(super) fn in_all(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(sum(identify_micro + task_micro), 0) FROM spend";
    connection.value(sql, ())
}
