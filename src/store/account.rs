//! What lipsyncd learned about an account: its slots, and how it answers lookups by name.

use rusqlite::Connection;

use super::{Reader, Store, StoreError, sql::Sql as _, task_row};
use crate::job::{Account, Task, names};

/// How an account answers lookups by `external_task_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookups {
    /// Unknown so far.
    Unknown,
    /// The name is in the path.
    Path,
    /// The name is a parameter of the list.
    Query,
    /// The name is in the path, and a parameter marks it as a name.
    Flag,
    /// It answers no form of lookup.
    Unanswered,
}

names!(Lookups {
    Unknown: "unknown",
    Path: "path",
    Query: "query",
    Flag: "flag",
    Unanswered: "unanswered",
});

/// The newest task that Kling accepted from an account and still shows.
const NEWEST_ACCEPTED: &str = "
    WHERE t.state = ?1 AND (a.host = ?2 AND a.key = ?3 OR ?4 AND t.account_row IS NULL)
      AND coalesce(t.sent_at_ms, t.created_at_ms) >= ?5
    ORDER BY t.id DESC LIMIT 1";

impl Store {
    /// Writes the slots limit that `account` taught.
    pub async fn set_slots_limit(&self, account: &Account, limit: usize) -> Result<(), StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let account = account.clone();
        self.write(move |connection| {
            connection.run("UPDATE daemon_state SET slots_limit = ?1", [limit])?;
            ensure(connection, &account.host, &account.key)?;
            connection.run(
                "UPDATE account SET slots_limit = ?3 WHERE host = ?1 AND key = ?2",
                (&account.host, &account.key, limit),
            )
        })
        .await
    }

    /// Returns the slots limit that `account` taught, if any.
    pub async fn learned_slots_limit(
        &self,
        account: &Account,
    ) -> Result<Option<usize>, StoreError> {
        let account = account.clone();
        self.read(move |connection| {
            let limit: Option<i64> = connection
                .first(
                    "SELECT slots_limit FROM account WHERE host = ?1 AND key = ?2",
                    (&account.host, &account.key),
                    |row| row.get(0),
                )?
                .flatten();
            Ok(limit.and_then(|limit| usize::try_from(limit).ok()))
        })
        .await
    }

    /// Returns how `account` answers lookups by `external_task_id`, as far as known.
    pub async fn lookups(&self, account: &Account) -> Result<Lookups, StoreError> {
        let account = account.clone();
        self.read(move |connection| lookups(connection, &account)).await
    }

    /// Writes how `account` answers lookups.
    pub async fn learn_lookups(
        &self,
        account: &Account,
        lookups: Lookups,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.write(move |connection| {
            ensure(connection, &account.host, &account.key)?;
            connection.run(
                "UPDATE account SET lookups = ?3 WHERE host = ?1 AND key = ?2",
                (&account.host, &account.key, lookups.name()),
            )
        })
        .await
    }

    /// Returns the newest task since `since_ms` (Unix time) that Kling accepted from `account`. With `or_adopted` it may
    /// also be an adopted task, whose account is unknown.
    pub async fn newest_accepted_task(
        &self,
        account: &Account,
        or_adopted: bool,
        since_ms: i64,
    ) -> Result<Option<Task>, StoreError> {
        let account = account.clone();
        self.read(move |connection| {
            newest_accepted_task(connection, &account, or_adopted, since_ms)
        })
        .await
    }
}

impl Reader {
    /// As [`Store::lookups`].
    pub fn lookups(&self, account: &Account) -> Result<Lookups, StoreError> {
        lookups(&self.connection, account)
    }

    /// As [`Store::newest_accepted_task`], of any age, adopted or not.
    pub fn newest_accepted_task(&self, account: &Account) -> Result<Option<Task>, StoreError> {
        newest_accepted_task(&self.connection, account, true, i64::MIN)
    }
}

fn lookups(connection: &Connection, account: &Account) -> Result<Lookups, StoreError> {
    let name: Option<String> = connection.first(
        "SELECT lookups FROM account WHERE host = ?1 AND key = ?2",
        (&account.host, &account.key),
        |row| row.get(0),
    )?;
    Ok(name.and_then(|name| Lookups::named(&name)).unwrap_or(Lookups::Unknown))
}

fn newest_accepted_task(
    connection: &Connection,
    account: &Account,
    or_adopted: bool,
    since_ms: i64,
) -> Result<Option<Task>, StoreError> {
    let sql = task_row::select(Some("task_state"), NEWEST_ACCEPTED);
    // One transaction: a task that changes its state between two queries would be missed.
    let _moment = connection.unchecked_transaction()?;
    for state in ["processing", "succeeded", "downloading", "submitted"] {
        let parameters = (state, &account.host, &account.key, or_adopted, since_ms);
        let task = connection.first(&sql, parameters, task_row::read)?;
        if task.is_some() {
            return Ok(task);
        }
    }
    Ok(None)
}

pub(super) fn ensure(connection: &Connection, host: &str, key: &str) -> Result<(), StoreError> {
    connection.run("INSERT OR IGNORE INTO account (host, key) VALUES (?1, ?2)", (host, key))
}
