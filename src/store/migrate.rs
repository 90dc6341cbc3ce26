//! From an older state database to the newest, step by step, in the caller's transaction.
//!
//! Steps are only ever added. What a step changes in the tables stands in `schema.sql` too; triggers and
//! views are not migrated but made anew from there, since they hold nothing.

use rusqlite::Connection;

use super::StoreError;

/// The schema of [`VERSION`], as it stands at the root of the project.
pub(super) const SCHEMA: &str = include_str!("../../schema.sql");

/// The version this program writes.
pub const VERSION: i64 = 3;

/// The first leads from version 1 to 2, and so on.
const STEPS: [&str; 2] = [include_str!("migrate/2.sql"), include_str!("migrate/3.sql")];

/// Where triggers and views begin in `schema.sql`.
const KEPT_ENDS: &str = "\n-- Below here nothing is kept";

/// Brings a database of version `from` (at least 1) to [`VERSION`].
pub(super) fn migrate(connection: &Connection, from: i64) -> Result<(), StoreError> {
    // First: a table that a view names cannot be renamed, and no trigger is to count a step's writes.
    drop_what_holds_nothing(connection)?;
    let known = usize::try_from(from - 1).unwrap_or(0);
    for step in STEPS.iter().skip(known) {
        connection.execute_batch(step)?;
    }
    let kept_ends = SCHEMA.find(KEPT_ENDS).unwrap_or(SCHEMA.len());
    Ok(connection.execute_batch(&SCHEMA[kept_ends..])?)
}

fn drop_what_holds_nothing(connection: &Connection) -> Result<(), StoreError> {
    let mut all = connection.prepare(
        "SELECT type || ' ' || name FROM sqlite_schema WHERE type IN ('trigger', 'view')",
    )?;
    let names: Vec<String> =
        all.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for name in names {
        connection.execute_batch(&format!("DROP {name}"))?;
    }
    Ok(())
}
