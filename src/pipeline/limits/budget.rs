//! The day's budget: no new task once the UTC day's deductions have reached it.

use tracing::warn;

use crate::{
    pipeline::scheduler::Pipeline,
    {kling::Api, store::StoreError},
};

const DAY_MS: i64 = 86_400_000;

/// What is known of the day's budget.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    /// Something was spent since it was looked at.
    pub(crate) is_stale: bool,
    /// The UTC day, counted from 1970, it was last looked at.
    day: Option<i64>,
    /// Whether it is spent.
    is_spent: bool,
}

impl<A: Api> Pipeline<A> {
    /// Holds new tasks back once the day's deductions have reached the cap, until the day is over.
    pub(crate) async fn check_budget(&mut self) -> Result<(), StoreError> {
        let Some(cap_micro) = self.context.settings.units_per_day_micro else { return Ok(()) };
        let now_ms = self.context.clock.now_ms();
        let today = now_ms.div_euclid(DAY_MS);
        let same_day = self.budget.day == Some(today);
        if same_day && !self.budget.is_stale {
            return Ok(());
        }
        let spent_micro = self.context.store.spent_today_micro(now_ms).await?;
        let over = spent_micro >= cap_micro;
        // While it is spent, what is still under way changes by how much.
        let same = same_day && over == self.budget.is_spent && !over;
        let is_news = over && !self.budget.is_spent;
        self.budget = Budget { is_stale: false, day: Some(today), is_spent: over };
        if same {
            return Ok(());
        }
        let hold = over.then(|| {
            sentence(spent_micro, cap_micro, today.saturating_add(1).saturating_mul(DAY_MS))
        });
        if let Some(hold) = hold.as_ref().filter(|_| is_news) {
            warn!("new tasks wait for {hold}");
        }
        self.context.store.set_hold(hold).await?;
        self.pause_gate.set_over_budget(over);
        self.update_gate();
        Ok(())
    }
}

fn sentence(spent_micro: i64, cap_micro: i64, until_ms: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let units = |micro: i64| micro as f64 / 1e6;
    let until = jiff::Timestamp::from_millisecond(until_ms).map(|at| at.to_string());
    format!(
        "the next day's budget, from {}: {} of the {} units of limits.units_per_day are spent",
        until.unwrap_or_default(),
        units(spent_micro),
        units(cap_micro)
    )
}
