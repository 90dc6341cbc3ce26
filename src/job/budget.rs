//! Whether the caps of a day allow another task. Tasks in progress count with their expected price, so that a day ends
//! at or below its cap.

use super::{Cost, Price};

/// What may be spent in a UTC day; none: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Caps {
    /// `limits.units_per_day`, in millionths of a unit.
    pub units_micro: Option<i64>,
    /// `limits.money_per_day`, in millionths of the account's money.
    pub money_micro: Option<i64>,
}

impl Caps {
    /// Whether there is any.
    pub const fn any(&self) -> bool {
        self.units_micro.is_some() || self.money_micro.is_some()
    }
}

/// What an account pays with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Currency {
    /// Units of resource packs.
    Units,
    /// Money of a balance.
    Money,
}

/// Why the caps of a day do not allow the next task. All numbers are millionths of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetHold {
    /// What the cap limits.
    pub currency: Currency,
    /// The cap.
    pub cap_micro: i64,
    /// Charged on this day.
    pub spent_micro: i64,
    /// The expected price of the tasks in progress, as far as it is known.
    pub in_progress_micro: i64,
    /// The price of a task in progress is unknown.
    pub has_unknown: bool,
    /// The price of the next task; none: it is unknown, or nothing waits.
    pub price_micro: Option<i64>,
    /// Another task whose price is unknown is in progress: only one may be.
    pub waits_for_price: bool,
    /// The most that the tasks in progress and the next one may cost; none: unknown.
    pub most_micro: Option<i64>,
}

/// Decides whether a task of the price `next` may start after `spent`, beside the tasks `in_progress`. Without `next`,
/// nothing waits, and only a cap that is reached holds.
///
/// At most one task whose price is unknown or a guess is in progress, so that a day ends above its cap by one such task
/// at most. Several are, if the caps allow the most that all of them may cost.
pub fn admit(
    caps: &Caps,
    spent: Cost,
    in_progress: &[Price],
    next: Option<&Price>,
) -> Result<(), BudgetHold> {
    let of_units = (Currency::Units, caps.units_micro, spent.units_micro);
    let of_money = (Currency::Money, caps.money_micro, spent.money_micro);
    for (currency, cap_micro, spent_micro) in [of_units, of_money] {
        let Some(cap_micro) = cap_micro else { continue };
        let part = |price: &Price| match currency {
            Currency::Units => price.units_micro,
            Currency::Money => price.money_micro,
        };
        let known = in_progress.iter().filter_map(part);
        let in_progress_micro = known.fold(0, i64::saturating_add);
        let expected_micro = spent_micro.saturating_add(in_progress_micro);
        let price_micro = next.and_then(part);
        let is_reached = match next {
            None => spent_micro >= cap_micro,
            Some(_) => {
                let after_micro = expected_micro.saturating_add(price_micro.unwrap_or(0));
                expected_micro >= cap_micro || after_micro > cap_micro
            }
        };
        let has_unknown = in_progress.iter().any(|price| part(price).is_none());
        let most_part = |price: &Price| match currency {
            _ if price.most.is_none() => part(price),
            Currency::Units => price.most.map(|most| most.units_micro),
            Currency::Money => price.most.map(|most| most.money_micro),
        };
        let is_uncertain = |price: &&Price| part(price).is_none() || price.most.is_some();
        let all = || in_progress.iter().chain(next);
        let most_micro =
            all().map(most_part).try_fold(0, |sum: i64, most| Some(sum.saturating_add(most?)));
        let is_within =
            most_micro.is_some_and(|most| spent_micro.saturating_add(most) <= cap_micro);
        let waits_for_price =
            !is_reached && next.is_some() && !is_within && all().filter(is_uncertain).count() > 1;
        if is_reached || waits_for_price {
            return Err(BudgetHold {
                currency,
                cap_micro,
                spent_micro,
                in_progress_micro,
                has_unknown,
                price_micro,
                waits_for_price,
                most_micro,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: Caps = Caps { units_micro: Some(10), money_micro: None };

    fn price(units: i64) -> Price {
        Price { units_micro: Some(units), ..Price::UNKNOWN }
    }

    fn allows(spent: i64, in_progress: &[Price], next: Price) -> bool {
        admit(&UNITS, Cost::units(spent), in_progress, Some(&next)).is_ok()
    }

    #[test]
    fn a_day_ends_at_or_below_its_cap() {
        assert!(allows(4, &[price(3)], price(3)), "exactly the cap");
        assert!(!allows(4, &[price(3)], price(4)));
        assert!(!allows(10, &[], price(0)), "the cap is reached");
        assert!(!allows(0, &[], price(11)), "more than a day allows");
        assert!(admit(&Caps::default(), Cost::units(i64::MAX), &[], Some(&price(1))).is_ok());
        assert!(admit(&UNITS, Cost::units(9), &[price(5)], None).is_ok(), "nothing waits");
        let hold = admit(&UNITS, Cost::units(10), &[], None).unwrap_err();
        assert_eq!((hold.spent_micro, hold.cap_micro, hold.price_micro), (10, 10, None));
    }

    #[test]
    fn one_task_of_unknown_price_at_a_time() {
        assert!(allows(9, &[], Price::UNKNOWN));
        assert!(!allows(0, &[Price::UNKNOWN], Price::UNKNOWN));
        assert!(allows(0, &[Price::UNKNOWN], price(10)));
        assert!(allows(0, &[price(9)], Price::UNKNOWN));
        let hold = admit(&UNITS, Cost::units(1), &[Price::UNKNOWN], Some(&Price::UNKNOWN));
        assert!(hold.unwrap_err().waits_for_price);
        let hold = admit(&UNITS, Cost::units(10), &[Price::UNKNOWN], Some(&Price::UNKNOWN));
        assert!(!hold.unwrap_err().waits_for_price, "the cap is reached");
    }

    #[test]
    fn each_currency_has_its_own_cap() {
        let caps = Caps { units_micro: Some(10), money_micro: Some(5) };
        let spent = Cost { units_micro: 0, money_micro: 4 };
        let next = Price { units_micro: Some(0), money_micro: Some(2), ..Price::UNKNOWN };
        let hold = admit(&caps, spent, &[], Some(&next)).unwrap_err();
        assert_eq!((hold.currency, hold.price_micro), (Currency::Money, Some(2)));
        // Assumed prices know no money.
        assert!(admit(&caps, spent, &[price(1)], Some(&price(1))).unwrap_err().waits_for_price);
    }
}
