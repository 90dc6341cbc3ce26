//! What jobs are expected to cost, for people and as JSON.

use serde::Serialize;

use super::{counted, units, units_number};
use crate::{
    job::{JobSpec, Media, Price, PriceList, Source},
    store::TasksLeft,
};

/// Returns what makes a video one video, which is identified once: content and address of a local file, else its URL or
/// id.
pub fn video_key(spec: &JobSpec, media: &Media) -> String {
    let (Source::Url(written) | Source::File(written) | Source::Id(written)) = &spec.video;
    match &media.video_sha256 {
        Some(sha256) => format!("{sha256} {}", media.video_url.as_deref().unwrap_or_default()),
        None => written.clone(),
    }
}

/// The price of several tasks, with their Identify Face calls. What is unknown is counted, and is not 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PriceSum {
    /// Millionths of a unit.
    pub units_micro: i64,
    /// Millionths of the account's money.
    pub money_micro: i64,
    /// How many tasks it is the price of.
    pub tasks: i64,
    /// How many of them have no known price.
    pub unknown_tasks: i64,
    unknown_calls: i64,
    /// The money of some task is unknown, because only units are assumed.
    is_money_unknown: bool,
    is_assumed: bool,
}

/// A [`PriceSum`] in JSON. Units and money are null while they are unknown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PriceReport {
    pub units: Option<f64>,
    pub money: Option<f64>,
    pub tasks: i64,
    pub unknown_tasks: i64,
    pub assumed: bool,
}

impl PriceSum {
    /// Returns the price of tasks that were not charged yet.
    pub fn of_tasks_left(left: &TasksLeft, prices: &PriceList) -> Self {
        let mut sum = Self::default();
        for (length, tasks) in &left.by_length {
            sum.add_tasks(prices.task(*length), *tasks);
        }
        sum.add_calls(prices.identify(), left.videos);
        sum
    }

    /// Adds tasks.
    pub fn add_tasks(&mut self, price: Price, count: i64) {
        self.tasks += count;
        match price.is_unknown() {
            true => self.unknown_tasks += count,
            false => self.add(price.times(count)),
        }
    }

    /// Adds Identify Face calls.
    pub fn add_calls(&mut self, price: Price, count: i64) {
        match price.is_unknown() {
            true => self.unknown_calls += count,
            false if count > 0 => self.add(price.times(count)),
            false => {}
        }
    }

    /// Adds the price of others.
    pub fn add_all(&mut self, other: &Self) {
        self.units_micro = self.units_micro.saturating_add(other.units_micro);
        self.money_micro = self.money_micro.saturating_add(other.money_micro);
        self.tasks += other.tasks;
        self.unknown_tasks += other.unknown_tasks;
        self.unknown_calls += other.unknown_calls;
        self.is_money_unknown |= other.is_money_unknown;
        self.is_assumed |= other.is_assumed;
    }

    fn add(&mut self, price: Price) {
        self.units_micro = self.units_micro.saturating_add(price.units_micro.unwrap_or(0));
        self.money_micro = self.money_micro.saturating_add(price.money_micro.unwrap_or(0));
        self.is_money_unknown |= price.money_micro.is_none();
        self.is_assumed |= price.is_assumed;
    }

    /// Whether no price of a task is known.
    pub fn is_unknown(&self) -> bool {
        self.tasks > 0 && self.unknown_tasks == self.tasks
    }

    /// Describes the price: `2.6 units (assumed)`, `3.2 in money`, `1 units and an unknown price for 2 tasks`, `unknown`.
    pub fn text(&self) -> String {
        if self.is_unknown() {
            return "unknown".to_owned();
        }
        let in_units = format!("{} units", units(self.units_micro));
        let in_money = format!("{} in money", units(self.money_micro));
        let mut text = match (self.units_micro, self.money_micro) {
            (_, 0) => in_units,
            (0, _) => in_money,
            _ => format!("{in_units} and {in_money}"),
        };
        if self.is_assumed {
            text += " (assumed)";
        }
        if self.unknown_tasks > 0 {
            let tasks = counted(self.unknown_tasks, "task");
            text += &format!(" and an unknown price for {tasks}");
        }
        if self.unknown_calls > 0 {
            text += ", without Identify Face";
        }
        text
    }

    /// Returns the price for JSON.
    pub fn report(&self) -> PriceReport {
        let known = |micro: i64| (!self.is_unknown()).then(|| units_number(micro));
        PriceReport {
            units: known(self.units_micro),
            money: known(self.money_micro).filter(|_| !self.is_money_unknown),
            tasks: self.tasks,
            unknown_tasks: self.unknown_tasks,
            assumed: self.is_assumed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(units: Option<i64>, money: Option<i64>, is_assumed: bool) -> Price {
        let micro = |amount: i64| amount * 1_000_000;
        Price {
            units_micro: units.map(micro),
            money_micro: money.map(micro),
            is_assumed,
            most: None,
        }
    }

    #[test]
    fn a_price_says_what_is_known() {
        let of = |prices: &[Price]| {
            let mut sum = PriceSum::default();
            prices.iter().for_each(|price| sum.add_tasks(*price, 2));
            sum
        };
        let known = price(Some(1), Some(0), false);
        assert_eq!(of(&[known]).text(), "2 units");
        assert_eq!(of(&[price(Some(0), Some(3), false)]).text(), "6 in money");
        assert_eq!(of(&[known]).report().money, Some(0.0));
        let assumed = of(&[price(Some(1), None, true)]);
        assert_eq!(assumed.text(), "2 units (assumed)");
        assert_eq!((assumed.report().units, assumed.report().money), (Some(2.0), None));
        assert_eq!(of(&[Price::UNKNOWN]).text(), "unknown");
        assert_eq!(of(&[Price::UNKNOWN]).report().units, None);
        let both = of(&[known, Price::UNKNOWN]);
        assert_eq!(both.text(), "2 units and an unknown price for 2 tasks");
        assert_eq!((both.report().units, both.report().unknown_tasks), (Some(2.0), 2));
        let mut with_calls = of(&[known]);
        with_calls.add_calls(Price::UNKNOWN, 1);
        assert_eq!(with_calls.text(), "2 units, without Identify Face");
    }
}
