//! How an account pays, and how answers report it.

use serde_json::{Map, Value, json};

use super::units::SimUnits;

/// What an account pays with. The amounts are the same: `units_per_*` are then amounts of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub enum Payment {
    /// Units of a resource pack.
    #[default]
    Units,
    /// Money of a balance. Answers report 0 units.
    Balance,
    /// Money of a balance. Answers report no units.
    BalanceAlone,
}

/// The length that decides what a task costs. The page does not say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BilledLength {
    /// That of the video.
    #[default]
    Video,
    /// That of the part of the audio that is used.
    Audio,
}

impl Payment {
    /// Adds what was charged to the `data` of an answer.
    pub(super) fn report(self, amount: SimUnits, data: &mut Map<String, Value>) {
        match self {
            Self::Units => drop(data.insert("final_unit_deduction".into(), json!(amount))),
            Self::Balance => drop(data.insert("final_unit_deduction".into(), json!("0"))),
            Self::BalanceAlone => {}
        }
        if self != Self::Units {
            let money = json!({"quota": amount, "list_price": amount});
            data.insert("final_balance_deduction".into(), money);
        }
    }
}
