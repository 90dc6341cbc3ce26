//! What each form of the report does, and the numbers that it shows.

use crate::{
    cli::{Result, text::units},
    job::Cost,
    store::{SpendBy, SpendRow},
};

/// A form of the report. It writes a row as it comes, because there may be many.
pub(super) trait Report {
    fn row(&mut self, row: &SpendRow) -> Result<()>;

    /// Ends the report with the sum of all rows.
    fn end(self, total: &SpendRow) -> Result<()>;
}

/// The numbers of a row by the names of their columns, as plain decimals.
pub(super) fn numbers(by: &SpendBy, row: &SpendRow) -> Vec<(&'static str, String)> {
    let SpendRow { identify, cost, tasks, .. } = row;
    let of_tasks = Cost {
        units_micro: cost.units_micro.saturating_sub(identify.units_micro),
        money_micro: cost.money_micro.saturating_sub(identify.money_micro),
    };
    let tasks = ("tasks", tasks.to_string());
    let (sum, money) = (("units", units(cost.units_micro)), ("money", units(cost.money_micro)));
    match by {
        SpendBy::Day => vec![
            tasks,
            ("task_units", units(of_tasks.units_micro)),
            ("identify_units", units(identify.units_micro)),
            sum,
            ("task_money", units(of_tasks.money_micro)),
            ("identify_money", units(identify.money_micro)),
            money,
        ],
        _ => vec![tasks, sum, money],
    }
}

pub(super) fn name_of_rows(by: &SpendBy) -> &str {
    match by {
        SpendBy::Day | SpendBy::DayOfTasks => "day",
        SpendBy::Manifest => "manifest",
        SpendBy::Label(label) => label,
    }
}
