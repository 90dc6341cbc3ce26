//! What was paid, by UTC day: a chart, and the same as a table.

use std::{ops::Range, sync::Arc};

use axum::{
    extract::{Query, State},
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    error::PageError,
    format::{number, units},
    layout::Place,
    now::now_ms,
    site::{PageResult, Site},
};
use crate::{
    actions::{DAY_MS, When},
    job::Cost,
    store::{Reader, SpendBy, SpendRow},
};

/// The periods that the page offers, in days.
const PERIODS: [i64; 3] = [30, 90, 365];

/// How many days.
#[derive(Debug, Deserialize)]
pub(super) struct SpendQuery {
    #[serde(default)]
    days: String,
}

/// `GET /spend`
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Query(asked): Query<SpendQuery>,
) -> Response {
    site.render(move |site, reader| write(site, reader, &asked)).await
}

fn write(site: &Site, reader: &Reader, asked: &SpendQuery) -> PageResult {
    let days = match asked.days.as_str() {
        "" => PERIODS[0],
        text => text
            .parse()
            .ok()
            .filter(|days| PERIODS.contains(days))
            .ok_or_else(|| PageError::Invalid("`days` must be 30, 90 or 365".to_owned()))?,
    };
    let today = When::Today.period_ms(now_ms());
    let period = today.start - (days - 1) * DAY_MS..today.end;
    let mut rows = Vec::new();
    reader.spend::<PageError>(&SpendBy::Day, &period, None, |row| {
        rows.push(row);
        Ok(())
    })?;
    let total = reader.spent_in_all()?;
    let main = html! {
        h1 { "Spending" }
        nav.pages aria-label="Period" {
            @for one in PERIODS {
                a href={ "/spend?days=" (one) } aria-current=[(one == days).then_some("page")] { (one) " days" }
            }
        }
        div #spend data-live="" {
            p { (cost(rows.iter().fold(Cost::default(), |sum, row| sum.plus(row.cost)))) " in " (days) " days; " (cost(total)) " in total." }
            @if rows.is_empty() { p { "Nothing was paid in this period." } }
            @else { (chart(&rows, &period)) (table(&rows)) }
        }
        p.soft { code { "lipsyncd spend --by manifest" } " and " code { "--by label=NAME" } " show what each manifest or customer cost." }
    };
    Ok(site.page(Place::Spend, "Spending", &main))
}

/// An amount in words.
pub(super) fn cost(cost: Cost) -> String {
    match cost {
        Cost { units_micro, money_micro: 0 } => format!("{} units", units(units_micro)),
        Cost { units_micro: 0, money_micro } => format!("{} in money", units(money_micro)),
        Cost { units_micro, money_micro } => {
            format!("{} units and {} in money", units(units_micro), units(money_micro))
        }
    }
}

/// The measures of the chart, in pixels of its own.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 200;
const LEFT: i64 = 60;
const BOTTOM: i64 = 24;

/// A bar per day: of units, or of money where no units were paid. The table has the same numbers.
fn chart(rows: &[SpendRow], period: &Range<i64>) -> Markup {
    let of_units = rows.iter().any(|row| row.cost.units_micro > 0);
    let amount = |cost: Cost| if of_units { cost.units_micro } else { cost.money_micro };
    let most = rows.iter().map(|row| amount(row.cost)).max().unwrap_or(0).max(1);
    let days = ((period.end - period.start) / DAY_MS).max(1);
    let height = |amount: i64| {
        i64::try_from(i128::from(amount) * i128::from(HEIGHT) / i128::from(most)).unwrap_or(0)
    };
    let x = |day: i64| LEFT + day * (WIDTH - LEFT) / days;
    let bars: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let name = row.name.as_deref()?;
            let day = (day_ms(name)? - period.start) / DAY_MS;
            Some((name, x(day), height(amount(row.cost)), height(amount(row.identify)), row))
        })
        .collect();
    let bar = ((WIDTH - LEFT) / days - 1).max(1);
    let unit = if of_units { "units" } else { "in money" };
    html! {
        figure.card {
            svg.chart viewBox={ "0 -8 " (WIDTH) " " (HEIGHT + BOTTOM + 8) } role="img" aria-label={ "Spending per day, at most " (units(most)) " " (unit) } {
                line x1=(LEFT) y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
                line x1=(LEFT) y1="0" x2=(WIDTH) y2="0" {}
                text x=(LEFT - 6) y="4" text-anchor="end" { (units(most)) }
                text x=(LEFT - 6) y=(HEIGHT) text-anchor="end" { "0" }
                @for (name, x, total, identify, row) in &bars {
                    rect x=(x) y=(HEIGHT - total) width=(bar) height=(total) { title { (name) ": " (cost(row.cost)) } }
                    rect.identify x=(x) y=(HEIGHT - identify) width=(bar) height=(identify) { title { (name) ": Identify Face " (cost(row.identify)) } }
                }
                text x=(LEFT) y=(HEIGHT + 16) { (day_name(period.start)) }
                text x=(WIDTH) y=(HEIGHT + 16) text-anchor="end" { (day_name(period.end - DAY_MS)) }
            }
            figcaption.soft { "Per UTC day, " (unit) ". The lower part of a bar is Identify Face." }
        }
    }
}

fn table(rows: &[SpendRow]) -> Markup {
    let has_money = rows.iter().any(|row| row.cost.money_micro > 0);
    html! {
        div.scroll tabindex="0" role="region" aria-label="Spending per day" {
            table {
                thead { tr {
                    th scope="col" { "Day" }
                    th.number scope="col" { "Tasks" }
                    th.number scope="col" { "Identify Face" }
                    th.number scope="col" { "Units" }
                    @if has_money { th.number scope="col" { "Money" } }
                } }
                tbody {
                    @for row in rows.iter().rev() {
                        tr {
                            td { (row.name.as_deref().unwrap_or_default()) }
                            td.number { (number(row.tasks)) }
                            td.number { (units(row.identify.units_micro)) }
                            td.number { (units(row.cost.units_micro)) }
                            @if has_money { td.number { (units(row.cost.money_micro)) } }
                        }
                    }
                }
            }
        }
    }
}

fn day_ms(day: &str) -> Option<i64> {
    let day: When = day.parse().ok()?;
    Some(day.period_ms(0).start)
}

fn day_name(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
}
