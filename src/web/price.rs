//! Prices of what was not paid yet.

use super::{format::units, site::Site};
use crate::{
    job::{Price, PriceList},
    store::{Reader, StoreError, TasksLeft},
};

/// Reads the known prices: those learned from the account, and those of the configuration.
pub(super) fn prices(site: &Site, reader: &Reader) -> Result<PriceList, StoreError> {
    let (observed, identify) = reader.prices()?;
    Ok(PriceList { observed, identify, assumed: site.settings.assumed_prices })
}

/// The price of these tasks in words; none: there are none.
pub(super) fn left(prices: &PriceList, left: &TasksLeft) -> Option<String> {
    let all = left.by_length.iter().map(|(length, tasks)| prices.task(*length).times(*tasks));
    let micro = all.reduce(Price::plus)?.units_micro;
    let more = if left.has_more { "at least " } else { "" };
    Some(micro.map_or("unknown".to_owned(), |micro| format!("{more}{} units", units(micro))))
}
