//! Prices of what was not paid yet.

use super::site::Site;
use crate::{
    actions::{CapPace, PriceSum},
    job::PriceList,
    store::{QueueStatus, Reader, StoreError, TasksLeft},
};

/// Reads the known prices: those learned from the account, and those of the configuration.
pub(super) fn prices(site: &Site, reader: &Reader) -> Result<PriceList, StoreError> {
    let (observed, identify) = reader.prices()?;
    Ok(PriceList { observed, identify, assumed: site.settings.assumed_prices })
}

/// The cap of a day that makes the queue last longest; none: none delays it, or its price is unknown.
pub(super) fn pace(prices: &PriceList, left: &TasksLeft, status: &QueueStatus) -> Option<CapPace> {
    let sum = PriceSum::of_tasks_left(left, prices);
    CapPace::slowest(status, &sum).filter(|_| !left.has_more && sum.unknown_tasks == 0)
}

/// The price of these tasks in words; none: there are none.
pub(super) fn left(prices: &PriceList, left: &TasksLeft) -> Option<String> {
    let sum = PriceSum::of_tasks_left(left, prices);
    let more = if left.has_more { "at least " } else { "" };
    (sum.tasks > 0).then(|| format!("{more}{}", sum.text()))
}
