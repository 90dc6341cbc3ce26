//! How the metadata file writes units and times.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

pub(super) mod units {
    use super::*;

    const MICRO: f64 = 1_000_000.0;

    pub(in crate::output) fn serialize<S: Serializer>(
        micro: &Option<i64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        // Up to billions of units, the shortest decimal of the quotient is exact.
        micro.map(|micro| micro as f64 / MICRO).serialize(serializer)
    }

    pub(in crate::output) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<i64>, D::Error> {
        let units = Option::<f64>::deserialize(deserializer)?;
        Ok(units.map(|units| (units * MICRO).round() as i64))
    }
}

pub(super) mod time {
    use super::*;

    pub(in crate::output) fn serialize<S: Serializer>(
        at_ms: &i64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let time = Timestamp::from_millisecond(*at_ms).map_err(S::Error::custom)?;
        serializer.collect_str(&format_args!("{time:.3}"))
    }

    pub(in crate::output) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<i64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(time.as_millisecond())
    }
}
