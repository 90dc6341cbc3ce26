//! What calls and tasks cost: units of a resource pack, and money of an account that pays from a balance.

/// An amount that Kling charged, or will charge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// In millionths of a unit.
    pub units_micro: i64,
    /// In millionths of the account's money, in the account's currency.
    pub money_micro: i64,
}

impl Cost {
    /// A cost in units alone, in millionths of a unit.
    pub const fn units(units_micro: i64) -> Self {
        Self { units_micro, money_micro: 0 }
    }

    /// Returns the cost that an answer of the API reports; none: the answer has no units and no money. An account
    /// that pays from a balance may report no units.
    pub fn reported(units_micro: Option<i64>, money_micro: Option<i64>) -> Option<Self> {
        let is_reported = units_micro.is_some() || money_micro.is_some();
        is_reported.then(|| Self {
            units_micro: units_micro.unwrap_or(0),
            money_micro: money_micro.unwrap_or(0),
        })
    }

    /// Returns the sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            units_micro: self.units_micro.saturating_add(other.units_micro),
            money_micro: self.money_micro.saturating_add(other.money_micro),
        }
    }

    /// Returns the cost of `count` things of this cost.
    #[must_use]
    pub const fn times(self, count: i64) -> Self {
        Self {
            units_micro: self.units_micro.saturating_mul(count),
            money_micro: self.money_micro.saturating_mul(count),
        }
    }

    /// Whether nothing was charged.
    pub const fn is_zero(self) -> bool {
        self.units_micro == 0 && self.money_micro == 0
    }
}

/// What Kling shows about the cost of a task that has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Charge {
    /// What the task cost.
    pub cost: Cost,
    /// When (Unix ms) Kling created the task, by Kling's clock.
    pub created_at_ms: Option<i64>,
    /// The length of its video in ms.
    pub video_ms: Option<i64>,
}

impl Charge {
    /// A charge in units alone, in millionths of a unit.
    pub const fn units(units_micro: i64) -> Self {
        Self { cost: Cost::units(units_micro), created_at_ms: None, video_ms: None }
    }
}
