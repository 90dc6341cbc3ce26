//! From an older state database to the newest, step by step, in the caller's transaction.
//!
//! Steps are only ever added. What a step changes in the tables stands in `schema.sql` too; the views
//! are not migrated but made anew from there, since they hold nothing.

use rusqlite::Connection;

use super::StoreError;

/// The schema of [`VERSION`], as it stands at the root of the project.
pub(super) const SCHEMA: &str = include_str!("../../schema.sql");

/// The version this program writes.
pub const VERSION: i64 = 2;

/// The first leads from version 1 to 2, and so on.
const STEPS: [&str; 1] = [include_str!("migrate/2.sql")];

/// Where the views begin in `schema.sql`.
const VIEWS_BEGIN: &str = "\n-- The views: what stands for readers.\n";

/// Brings a database of version `from` (at least 1) to [`VERSION`].
pub(super) fn migrate(connection: &Connection, from: i64) -> Result<(), StoreError> {
    let known = usize::try_from(from - 1).unwrap_or(0);
    for step in STEPS.iter().skip(known) {
        connection.execute_batch(step)?;
    }
    make_views_anew(connection)
}

fn make_views_anew(connection: &Connection) -> Result<(), StoreError> {
    let mut all = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'")?;
    let names: Vec<String> =
        all.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for name in names {
        connection.execute_batch(&format!("DROP VIEW {name}"))?;
    }
    let views = SCHEMA.split_once(VIEWS_BEGIN).map_or("", |(_, views)| views);
    Ok(connection.execute_batch(views)?)
}
