//! Whether the daily budget limits what the account is charged.

use super::{CheckResult, DoctorContext, ok, warning};
use crate::cli::text::units;

/// A cap in units never holds an account that pays from a balance.
pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let Some(database) = &context.database else { return Vec::new() };
    let money_micro = database.queue_status.spent_total.money_micro;
    let charged = units(money_micro);
    // Of the configuration: the database has the caps of the last start.
    let limits = &context.config.limits;
    let is_uncapped = limits.units_per_day_micro.is_some() && limits.money_per_day_micro.is_none();
    if money_micro > 0 && is_uncapped {
        let message = format!(
            "the account was charged {charged} in money, and only limits.units_per_day is set, which does not limit money"
        );
        let fix = format!(
            "set limits.money_per_day in the configuration; then: {}",
            context.users.reload(database.daemon.as_ref().map(|daemon| daemon.pid))
        );
        return vec![warning(message, fix)];
    }
    match money_micro {
        0 => Vec::new(),
        _ => vec![ok(format!("{charged} in money charged in total"))],
    }
}
