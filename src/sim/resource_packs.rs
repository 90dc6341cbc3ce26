//! The account's costs: its resource packs.

use serde_json::{Value, json};

use super::{
    account::AccountNumber,
    config::ShownPacks,
    faults::Endpoint,
    query::time,
    response::{Refusal, SimResponse},
    rules::Sim,
    units::SimUnits,
};

impl Sim {
    /// The account's resource packs that were bought between `start_time` and `end_time` of the query, in ms.
    pub fn costs(&mut self, now_ms: i64, authorization: Option<&str>, query: &str) -> SimResponse {
        let outcome = self.admit(Endpoint::Costs, now_ms, authorization).and_then(|account| {
            let (start, end) = (time(query, "start_time")?, time(query, "end_time")?);
            if start > end {
                return Err(Refusal::illegal("start_time is later than end_time"));
            }
            let mut packs = self.resource_packs(account, now_ms);
            packs.retain(|pack| {
                pack["purchase_time"].as_i64().is_some_and(|at_ms| (start..=end).contains(&at_ms))
            });
            Ok(json!({"code": 0, "msg": "success", "resource_pack_subscribe_infos": packs}))
        });
        self.answered(Endpoint::Costs, outcome)
    }

    fn resource_packs(&self, account: AccountNumber, now_ms: i64) -> Vec<Value> {
        let all = self.config.pack_units;
        let spent = self.used.units(account);
        let left = SimUnits::from_thousandths(all.thousandths() - spent.thousandths());
        let number = |units: SimUnits| units.thousandths() as f64 / 1000.0;
        const YEAR_MS: i64 = 365 * 24 * 60 * 60 * 1000;
        let usual = json!({
            "resource_pack_name": "Simulated resource pack",
            "resource_pack_id": "sim-pack-1",
            "resource_pack_type": "decreasing_total",
            "total_quantity": number(all),
            "remaining_quantity": number(left),
            "purchase_time": now_ms - YEAR_MS / 2,
            "effective_time": now_ms - YEAR_MS / 2,
            "invalid_time": now_ms + YEAR_MS / 2,
            "status": if left > SimUnits::default() { "online" } else { "runOut" },
        });
        let with = |changes: Value| {
            let mut pack = usual.clone();
            for (name, value) in changes.as_object().into_iter().flatten() {
                pack[name] = value.clone();
            }
            pack
        };
        match self.config.shown_packs {
            ShownPacks::None => Vec::new(),
            ShownPacks::One => vec![usual],
            ShownPacks::Several => vec![
                with(json!({
                    "resource_pack_name": "An old pack", "remaining_quantity": 258.0, "status": "expired",
                    "purchase_time": now_ms - 2 * YEAR_MS, "effective_time": now_ms - 2 * YEAR_MS,
                    "invalid_time": now_ms - YEAR_MS,
                })),
                with(json!({
                    "resource_pack_name": "A pack for later", "remaining_quantity": 500.0,
                    "status": "toBeOnline", "effective_time": now_ms + YEAR_MS / 4,
                })),
                usual,
                json!({"resource_pack_name": "A pack without figures", "purchase_time": now_ms - YEAR_MS}),
            ],
        }
    }
}
