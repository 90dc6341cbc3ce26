//! Prices that were learned from charges.

use rusqlite::{Connection, Row, named_params};

use super::{Reader, Store, StoreError, account, sql::Sql as _};
use crate::job::{Account, Cost, Length, Observation, ObservedPrice};

/// The part of the audio that a task uses, or will use, in ms, as [`Length::of_task`] computes it.
macro_rules! used_audio_ms {
    () => {
        "coalesce(plan_end_ms - plan_start_ms,
           min(coalesce(sound_end_ms, audio_ms) - sound_start_ms, coalesce(video_ms, 60000), 60000))"
    };
}

pub(super) use used_audio_ms;

/// The usual case: the price is the same as before.
const SEEN_AGAIN: &str = "
    UPDATE price SET tasks = tasks + 1
    WHERE account_row = (SELECT account_row FROM daemon_state) AND audio_steps = :audio AND video_steps = :video
      AND units_micro = :units AND money_micro = :money";

/// The price of this length changed, so that the prices of other lengths are out of date. While the length of the
/// video is unknown, nothing follows.
const FORGET: &str = "
    DELETE FROM price WHERE account_row = (SELECT account_row FROM daemon_state) AND :video > 0
      AND EXISTS (SELECT 1 FROM price p WHERE p.account_row = (SELECT account_row FROM daemon_state)
        AND p.audio_steps = :audio AND p.video_steps = :video)";

const LEARN: &str = "
    INSERT INTO price (account_row, audio_steps, video_steps, units_micro, money_micro, tasks)
    SELECT account_row, :audio, :video, :units, :money, 1 FROM daemon_state WHERE account_row IS NOT NULL
    ON CONFLICT DO UPDATE SET units_micro = excluded.units_micro, money_micro = excluded.money_micro, tasks = 1";

const LEARN_IDENTIFY: &str = "
    UPDATE account SET identify_units_micro = ?1, identify_money_micro = ?2
    WHERE id = (SELECT account_row FROM daemon_state)
      AND (identify_units_micro IS NOT ?1 OR identify_money_micro IS NOT ?2)";

const OBSERVED: &str = "
    SELECT audio_steps, nullif(video_steps, 0), units_micro, money_micro FROM price
    WHERE account_row = (SELECT account_row FROM daemon_state)";

const IDENTIFY: &str = "
    SELECT identify_units_micro, identify_money_micro FROM account
    WHERE id = (SELECT account_row FROM daemon_state) AND identify_units_micro IS NOT NULL";

impl Store {
    /// Makes prices belong to `account` from now on.
    pub async fn use_account(&self, account: &Account) -> Result<(), StoreError> {
        let account = account.clone();
        self.write(move |connection| {
            account::ensure(connection, &account.host, &account.key)?;
            connection.run(
                "UPDATE daemon_state SET account_row = (SELECT id FROM account WHERE host = ?1 AND key = ?2)",
                (&account.host, &account.key),
            )
        })
        .await
    }
}

impl Reader {
    /// Returns what the tasks of the account cost by length, and what its last Identify Face call cost.
    pub fn prices(&self) -> Result<(Vec<ObservedPrice>, Option<Cost>), StoreError> {
        prices(&self.connection)
    }
}

pub(super) fn prices(
    connection: &Connection,
) -> Result<(Vec<ObservedPrice>, Option<Cost>), StoreError> {
    let observed = connection.all(OBSERVED, (), |row| {
        let length = Length { audio_steps: row.get(0)?, video_steps: row.get(1)? };
        Ok(ObservedPrice { length, cost: cost(row, 2)? })
    })?;
    Ok((observed, connection.first(IDENTIFY, (), |row| cost(row, 0))?))
}

fn cost(row: &Row<'_>, first: usize) -> rusqlite::Result<Cost> {
    Ok(Cost { units_micro: row.get(first)?, money_micro: row.get(first + 1)? })
}

/// Learns from a charge, inside the transaction that records it.
pub(super) fn learn(connection: &Connection, seen: Observation) -> Result<(), StoreError> {
    let ObservedPrice { length, cost } = match seen {
        Observation::Identify(Cost { units_micro, money_micro }) => {
            return connection.run(LEARN_IDENTIFY, (units_micro, money_micro));
        }
        Observation::Task(seen) => seen,
    };
    let Some(audio_steps) = length.audio_steps else { return Ok(()) };
    let key = named_params! { ":audio": audio_steps, ":video": length.video_steps.unwrap_or(0) };
    let price = named_params! { ":units": cost.units_micro, ":money": cost.money_micro };
    let all = [key, price].concat();
    if connection.changed(SEEN_AGAIN, all.as_slice())? == 0 {
        connection.run(FORGET, key)?;
        connection.run(LEARN, all.as_slice())?;
    }
    Ok(())
}
