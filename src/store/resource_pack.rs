//! The account's resource packs, as the API showed them last: a hint for people, on which nothing depends.

use rusqlite::{Connection, Row, named_params};

use super::{Store, StoreError, account, sql::Sql as _, sql::columns};
use crate::job::Account;

/// A resource pack. Quantities are millionths of a unit, times are Unix ms; what the API does not show is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the API's")]
pub struct StoredPack {
    pub name: Option<String>,
    pub kind: Option<String>,
    pub total_micro: Option<i64>,
    pub remaining_micro: Option<i64>,
    pub effective_at_ms: Option<i64>,
    pub invalid_at_ms: Option<i64>,
    pub status: Option<String>,
}

/// The resource packs of the account that the daemon uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackStatus {
    /// In the API's order.
    pub packs: Vec<StoredPack>,
    /// When (Unix ms) the API showed them; none: never.
    pub at_ms: Option<i64>,
    /// Why the API did not show them when it was asked last.
    pub problem: Option<String>,
}

impl StoredPack {
    /// Whether units can be taken from it at `now_ms` (Unix time).
    pub fn is_usable(&self, now_ms: i64) -> bool {
        let is = |word: &str| {
            self.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case(word))
        };
        // The status may be old: a pack may have begun since, or ended.
        let has_begun =
            self.effective_at_ms.map_or_else(|| !is("toBeOnline"), |at_ms| at_ms <= now_ms);
        let has_ended = self.invalid_at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let is_over = is("expired") || is("runOut") || has_ended;
        self.remaining_micro.is_some_and(|micro| micro > 0) && has_begun && !is_over
    }
}

/// Limits what a nonsensical answer can store.
const PACKS_MAX: usize = 1_000;

const INSERT: &str = "
    INSERT INTO resource_pack (account_row, place, name, kind, total_micro, remaining_micro, effective_at_ms,
      invalid_at_ms, status)
    SELECT id, :place, :name, :kind, :total_micro, :remaining_micro, :effective_at_ms, :invalid_at_ms, :status
    FROM account WHERE host = :host AND key = :key";

const ACCOUNT: &str = "
    SELECT id, packs_at_ms, packs_problem FROM account
    WHERE id = (SELECT account_row FROM daemon_state) AND packs_asked_at_ms IS NOT NULL";

impl Store {
    /// Returns when (Unix ms) the API was asked for the resource packs of `account`.
    pub async fn packs_asked_at_ms(&self, account: &Account) -> Result<Option<i64>, StoreError> {
        let account = account.clone();
        self.read(move |connection| {
            let asked: Option<Option<i64>> = connection.first(
                "SELECT packs_asked_at_ms FROM account WHERE host = ?1 AND key = ?2",
                (&account.host, &account.key),
                |row| row.get(0),
            )?;
            Ok(asked.flatten())
        })
        .await
    }

    /// Whether some job still needs a paid call.
    pub async fn has_work_to_pay(&self) -> Result<bool, StoreError> {
        let sql =
            "SELECT 1 FROM state WHERE jobs > 0 AND name IN ('queued', 'identified', 'creating')";
        self.read(move |connection| connection.exists(sql, ())).await
    }

    /// Writes what the API showed at `now_ms` (Unix time), or why it showed nothing.
    pub async fn set_packs(
        &self,
        account: &Account,
        shown: Result<Vec<StoredPack>, String>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.write(move |connection| set(connection, &account, &shown, now_ms)).await
    }
}

fn set(
    connection: &Connection,
    Account { host, key, .. }: &Account,
    shown: &Result<Vec<StoredPack>, String>,
    now_ms: i64,
) -> Result<(), StoreError> {
    account::ensure(connection, host, key)?;
    let problem = shown.as_ref().err();
    connection.run(
        "UPDATE account SET packs_asked_at_ms = ?3, packs_problem = ?4,
           packs_at_ms = CASE WHEN ?4 IS NULL THEN ?3 ELSE packs_at_ms END
         WHERE host = ?1 AND key = ?2",
        (host, key, now_ms, problem),
    )?;
    let Ok(packs) = shown else { return Ok(()) };
    connection.run(
        "DELETE FROM resource_pack
         WHERE account_row = (SELECT id FROM account WHERE host = ?1 AND key = ?2)",
        (host, key),
    )?;
    for (place, pack) in (0_i64..).zip(packs.iter().take(PACKS_MAX)) {
        connection.run(
            INSERT,
            named_params! {
                ":host": host, ":key": key, ":place": place, ":name": pack.name, ":kind": pack.kind,
                ":total_micro": pack.total_micro, ":remaining_micro": pack.remaining_micro,
                ":effective_at_ms": pack.effective_at_ms, ":invalid_at_ms": pack.invalid_at_ms,
                ":status": pack.status,
            },
        )?;
    }
    Ok(())
}

pub(super) fn status(connection: &Connection) -> Result<PackStatus, StoreError> {
    let account: Option<(i64, Option<i64>, Option<String>)> =
        connection.first(ACCOUNT, (), |row| row.try_into())?;
    let Some((account_row, at_ms, problem)) = account else { return Ok(PackStatus::default()) };
    let sql = "SELECT * FROM resource_pack WHERE account_row = ?1 ORDER BY place";
    Ok(PackStatus { packs: connection.all(sql, [account_row], pack)?, at_ms, problem })
}

fn pack(row: &Row<'_>) -> rusqlite::Result<StoredPack> {
    columns!(row => StoredPack: name kind total_micro remaining_micro effective_at_ms invalid_at_ms status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_can_be_taken_from_a_pack_between_its_times() {
        const NOW_MS: i64 = 1_000_000;
        let pack = |status: &str, from: i64, to: i64| StoredPack {
            remaining_micro: Some(1),
            effective_at_ms: Some(NOW_MS + from),
            invalid_at_ms: Some(NOW_MS + to),
            status: Some(status.to_owned()),
            ..StoredPack::default()
        };
        for (pack, is_usable) in [
            (pack("online", -5, 5), true),
            (pack("Online", 5, 9), false),
            (pack("online", -9, -5), false),
            (pack("expired", -5, 5), false),
            (pack("runOut", -5, 5), false),
            (pack("toBeOnline", 5, 9), false),
            (pack("toBeOnline", -5, 9), true),
            (pack("unheard of", -5, 5), true),
            (StoredPack { remaining_micro: Some(0), ..pack("online", -5, 5) }, false),
            (StoredPack { remaining_micro: None, ..pack("online", -5, 5) }, false),
            (StoredPack { remaining_micro: Some(1), ..StoredPack::default() }, true),
        ] {
            assert_eq!(pack.is_usable(NOW_MS), is_usable, "{pack:?}");
        }
    }
}
