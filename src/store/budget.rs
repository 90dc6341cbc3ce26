//! What counts against the caps of a UTC day.

use super::{
    Store, StoreError,
    price::{prices, used_audio_ms},
    spend,
    sql::Sql as _,
};
use crate::job::{Cost, Length, ObservedPrice, TaskId};

/// What counts against the caps of a UTC day, and the prices of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BudgetNumbers {
    /// Charged on this day.
    pub spent: Cost,
    /// Tasks whose create request was sent on this day, and that may still be charged; also adopted tasks.
    pub in_progress: Vec<(TaskId, Length)>,
    /// What tasks cost, by length.
    pub observed: Vec<ObservedPrice>,
    /// What the last Identify Face call cost.
    pub identify: Option<Cost>,
}

/// An adopted task has no create request of this database: it may have been created today.
pub(super) const IN_PROGRESS: &str = concat!(
    "SELECT id, ",
    used_audio_ms!(),
    ", video_ms
    FROM task INDEXED BY task_state
    WHERE state IN ('creating', 'submitted', 'processing', 'unresolved')
      AND CASE WHEN sent_at_ms IS NULL THEN state <> 'unresolved' ELSE sent_at_ms >= ?1 - ?1 % 86400000 END"
);

impl Store {
    /// Reads, at one moment, what counts against the caps of the UTC day of `now_ms`.
    pub async fn budget_numbers(&self, now_ms: i64) -> Result<BudgetNumbers, StoreError> {
        self.read(move |connection| {
            let _moment = connection.unchecked_transaction()?;
            let (observed, identify) = prices(connection)?;
            Ok(BudgetNumbers {
                spent: spend::on_day(connection, now_ms)?,
                in_progress: connection.all(IN_PROGRESS, [now_ms], |row| {
                    Ok((row.get(0)?, Length::of_ms(row.get(1)?, row.get(2)?)))
                })?,
                observed,
                identify,
            })
        })
        .await
    }
}
