//! Units of the account as exact decimals.
//!
//! Written as `"0.05"`; without floating point.

use std::{fmt, iter::Sum, ops::Add, str::FromStr};

use serde::{Serialize, Serializer};

/// A number of units, exact to a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct SimUnits(i64);

impl SimUnits {
    /// An amount in thousandths of a unit.
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// The same in thousandths of a unit.
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// Multiplies the amount.
    pub const fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl Add for SimUnits {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for SimUnits {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for SimUnits {
    /// As the API writes amounts and lengths: no more decimals than needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let part = format!("{part:03}");
        write!(f, "{sign}{whole}.{}", part.trim_end_matches('0'))
    }
}

impl Serialize for SimUnits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is not an amount of units.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an amount of units: write a decimal such as 0.05, with at most three decimals"
)]
pub struct InvalidUnits(String);

impl FromStr for SimUnits {
    type Err = InvalidUnits;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidUnits(text.to_owned());
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 3 {
            return Err(wrong());
        }
        let whole: i64 = whole.parse().map_err(|_| wrong())?;
        let part: i64 = format!("{part:0<3}").parse().map_err(|_| wrong())?;
        let all = whole.checked_mul(1000).and_then(|all| all.checked_add(part));
        all.map(Self).ok_or_else(wrong)
    }
}

/// Milliseconds as the API's decimal seconds: 5200 is `"5.2"`.
pub(super) fn seconds(ms: i64) -> String {
    SimUnits(ms).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_read() {
        for text in ["0", "1", "0.05", "12.5", "100.125"] {
            assert_eq!(text.parse::<SimUnits>().unwrap().to_string(), text);
        }
        assert_eq!("1.500".parse::<SimUnits>().unwrap().to_string(), "1.5");
        for text in ["", ".5", "5.", "-1", "1e3", "0.0001", "99999999999999999999"] {
            assert!(text.parse::<SimUnits>().is_err(), "{text}");
        }
    }
}
