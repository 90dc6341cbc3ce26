//! The daily budget: no new task starts once the deductions of the UTC day have reached it.

const DAY_MS: i64 = 86_400_000;

#[derive(Debug)]
pub(crate) struct Budget {
    cap_micro: Option<i64>,
    /// Units may have been deducted since the last check.
    pub(crate) is_stale: bool,
    /// The UTC day of the last check, counted from 1970.
    day: Option<i64>,
    is_spent: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BudgetChange {
    /// Why new tasks wait; none: they do not.
    pub(crate) hold: Option<String>,
    /// The budget was not spent at the last check.
    pub(crate) is_news: bool,
}

impl Budget {
    /// Without a cap the budget is never spent.
    pub(crate) fn new(cap_micro: Option<i64>) -> Self {
        Self { cap_micro, is_stale: false, day: None, is_spent: false }
    }

    pub(crate) fn needs_check(&self, now_ms: i64) -> bool {
        self.cap_micro.is_some() && (self.is_stale || self.day != Some(day_of(now_ms)))
    }

    /// Compares what was spent today with the cap. Returns none if there is nothing to record.
    pub(crate) fn check(&mut self, spent_micro: i64, now_ms: i64) -> Option<BudgetChange> {
        let cap_micro = self.cap_micro?;
        let today = day_of(now_ms);
        let is_spent = spent_micro >= cap_micro;
        // While the budget is spent, tasks in progress still raise the sum that is shown.
        let is_same = self.day == Some(today) && !is_spent && !self.is_spent;
        let is_news = is_spent && !self.is_spent;
        (self.is_stale, self.day, self.is_spent) = (false, Some(today), is_spent);
        if is_same {
            return None;
        }
        let resumes_at_ms = today.saturating_add(1).saturating_mul(DAY_MS);
        let hold = is_spent.then(|| hold_text(spent_micro, cap_micro, resumes_at_ms));
        Some(BudgetChange { hold, is_news })
    }
}

fn day_of(now_ms: i64) -> i64 {
    now_ms.div_euclid(DAY_MS)
}

fn hold_text(spent_micro: i64, cap_micro: i64, resumes_at_ms: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let units = |micro: i64| micro as f64 / 1e6;
    let at = jiff::Timestamp::from_millisecond(resumes_at_ms).unwrap_or_default();
    format!(
        "daily budget reached ({} of {} units); resumes {}, or raise limits.units_per_day",
        units(spent_micro),
        units(cap_micro),
        at.strftime("%Y-%m-%d %H:%M UTC")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_says_how_much_is_spent_and_until_when() {
        let (mut budget, now_ms) = (Budget::new(Some(400_000_000)), 1_795_953_600_000);
        let change = budget.check(407_900_000, now_ms).unwrap();
        let hold = "daily budget reached (407.9 of 400 units); resumes 2026-11-30 00:00 UTC, \
                    or raise limits.units_per_day";
        assert_eq!(change, BudgetChange { hold: Some(hold.to_owned()), is_news: true });
        assert!(!budget.needs_check(now_ms));
        assert_eq!(Budget::new(None).check(i64::MAX, now_ms), None);
    }
}
