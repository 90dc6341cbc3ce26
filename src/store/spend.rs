//! What was charged on each UTC day: units and money, stored in millionths.

use rusqlite::{Connection, Row, named_params};

use super::{StoreError, price, sql::Sql as _};
use crate::job::{Cost, Spend};

const ADD: &str = "
    INSERT INTO spend (day, identify_micro, task_micro, identify_money_micro, task_money_micro, tasks)
    VALUES (strftime('%Y-%m-%d', :at_ms / 1000.0, 'unixepoch'), :identify, :task, :identify_money, :task_money, :tasks)
    ON CONFLICT (day) DO UPDATE SET
      identify_micro = min(identify_micro + excluded.identify_micro, :most),
      task_micro = min(task_micro + excluded.task_micro, :most),
      identify_money_micro = min(identify_money_micro + excluded.identify_money_micro, :most),
      task_money_micro = min(task_money_micro + excluded.task_money_micro, :most),
      tasks = tasks + excluded.tasks";

const ON_DAY: &str = "
    SELECT identify_micro + task_micro, identify_money_micro + task_money_micro FROM spend
    WHERE day = strftime('%Y-%m-%d', ?1 / 1000.0, 'unixepoch')";

const IN_ALL: &str = "
    SELECT coalesce(sum(identify_micro + task_micro), 0), coalesce(sum(identify_money_micro + task_money_micro), 0)
    FROM spend";

/// The limit of a column: a billion units, the largest `limits.units_per_day`. So a nonsensical cost cannot
/// overflow a sum, and cannot keep a paid task from being recorded.
const DAY_MOST_MICRO: i64 = 1_000_000_000_000_000;

/// Adds to the UTC day to which `spend` belongs, else to that of `now_ms`, inside the caller's transaction.
pub(super) fn add(connection: &Connection, spend: Spend, now_ms: i64) -> Result<(), StoreError> {
    let Spend { identify, task, tasks, at_ms, observed } = spend;
    if let Some(seen) = observed {
        price::learn(connection, seen)?;
    }
    if identify.is_zero() && task.is_zero() && tasks == 0 {
        return Ok(());
    }
    let added = connection.changed_in_order(
        ADD,
        named_params! {
            ":at_ms": at_ms.unwrap_or(now_ms),
            ":identify": identify.units_micro.min(DAY_MOST_MICRO),
            ":task": task.units_micro.min(DAY_MOST_MICRO),
            ":identify_money": identify.money_micro.min(DAY_MOST_MICRO),
            ":task_money": task.money_micro.min(DAY_MOST_MICRO), ":tasks": tasks,
            ":most": DAY_MOST_MICRO,
        },
    );
    added.map(drop)
}

pub(super) fn on_day(connection: &Connection, now_ms: i64) -> Result<Cost, StoreError> {
    Ok(connection.first(ON_DAY, [now_ms], cost)?.unwrap_or_default())
}

pub(super) fn in_all(connection: &Connection) -> Result<Cost, StoreError> {
    connection.row(IN_ALL, (), cost)
}

fn cost(row: &Row<'_>) -> rusqlite::Result<Cost> {
    Ok(Cost { units_micro: row.get(0)?, money_micro: row.get(1)? })
}
