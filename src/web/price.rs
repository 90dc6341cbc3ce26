//! Prices of what was not paid yet.

use super::site::Site;
use crate::{
    actions::PriceSum,
    job::PriceList,
    store::{Reader, StoreError, TasksLeft},
};

/// Reads the known prices: those learned from the account, and those of the configuration.
pub(super) fn prices(site: &Site, reader: &Reader) -> Result<PriceList, StoreError> {
    let (observed, identify) = reader.prices()?;
    Ok(PriceList { observed, identify, assumed: site.settings.assumed_prices })
}

/// The price of these tasks in words; none: there are none.
pub(super) fn left(prices: &PriceList, left: &TasksLeft) -> Option<String> {
    let sum = PriceSum::of_tasks_left(left, prices);
    let more = if left.has_more { "at least " } else { "" };
    (sum.tasks > 0).then(|| format!("{more}{}", sum.text()))
}
