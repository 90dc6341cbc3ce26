//! What is learnt of an account: its slots, and whether it answers lookups.

use rusqlite::OptionalExtension as _;

use super::{Store, StoreError};

/// Whether an account answers lookups by `external_task_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookups {
    /// Not learnt yet.
    Unknown,
    /// It does: what a lookup does not find is not there.
    Answered,
    /// It does not: a lost create needs a person.
    Unanswered,
}

impl Lookups {
    const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Answered => "answered",
            Self::Unanswered => "unanswered",
        }
    }
}

impl Store {
    /// Writes down how many slots are used at most, and that the account taught it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_slots_limit(&self, account: &str, limit: usize) -> Result<(), StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let account = account.to_owned();
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE daemon_state SET slots_limit = ?1")?
                .execute([limit])?;
            connection
                .prepare_cached(
                    "INSERT INTO account (name, slots_limit) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET slots_limit = excluded.slots_limit",
                )?
                .execute((&account, limit))?;
            Ok(())
        })
        .await
    }

    /// Returns the slots limit that `account` taught, if any.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn learnt_slots_limit(&self, account: &str) -> Result<Option<usize>, StoreError> {
        let account = account.to_owned();
        self.read(move |connection| {
            let limit: Option<i64> = connection
                .prepare_cached("SELECT slots_limit FROM account WHERE name = ?1")?
                .query_row([&account], |row| row.get(0))
                .optional()?
                .flatten();
            Ok(limit.and_then(|limit| usize::try_from(limit).ok()))
        })
        .await
    }

    /// Returns whether `account` answers lookups by `external_task_id`, as far as it is learnt.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn lookups(&self, account: &str) -> Result<Lookups, StoreError> {
        let account = account.to_owned();
        self.read(move |connection| {
            let name: Option<String> = connection
                .prepare_cached("SELECT lookups FROM account WHERE name = ?1")?
                .query_row([&account], |row| row.get(0))
                .optional()?;
            Ok(match name.as_deref() {
                Some("answered") => Lookups::Answered,
                Some("unanswered") => Lookups::Unanswered,
                _ => Lookups::Unknown,
            })
        })
        .await
    }

    /// Keeps what was learnt of the lookups of `account`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn learn_lookups(&self, account: &str, lookups: Lookups) -> Result<(), StoreError> {
        let account = account.to_owned();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO account (name, lookups) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET lookups = excluded.lookups",
                )?
                .execute((&account, lookups.name()))?;
            Ok(())
        })
        .await
    }
}
