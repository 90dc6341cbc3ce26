//! What is known about prices, for commands.

use super::Result;
pub(super) use crate::actions::{PriceReport, PriceSum, video_key};
use crate::{config::Config, daemon, job::PriceList, store::Reader};

/// Reads what is known about prices: from the state database, if there is one, and from the configuration.
pub(super) fn prices(reader: Option<&Reader>, config: &Config) -> Result<PriceList> {
    let (observed, identify) = reader.map(Reader::prices).transpose()?.unwrap_or_default();
    Ok(PriceList { observed, identify, assumed: daemon::assumed_prices(config) })
}
