//! The overview: the queue and what limits it, what needs a person, money, and the manifests in progress.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use maud::{Markup, html};

use super::{
    address,
    format::{number, units},
    jobs,
    layout::Place,
    manifests, needs,
    now::now_ms,
    price, queue,
    site::{PageResult, Site},
};
use crate::{
    actions::{CapPace, PriceSum, TimeLeft},
    job::State as JobState,
    store::{QueueStatus, Reader},
};

/// Tasks in slots that are shown.
const SLOTS_MAX: i64 = 20;
/// Manifests that are shown; the others have a page.
const MANIFESTS_MAX: usize = 20;
/// Tasks whose price is computed: fewer than for `status`, because the page is read again at each change.
const PRICED_TASKS_MAX: i64 = 4_000;

/// `GET /`
pub(super) async fn page(State(site): State<Arc<Site>>) -> Response {
    site.render(write).await
}

fn write(site: &Site, reader: &Reader) -> PageResult {
    let now_ms = now_ms();
    let status = reader.queue_status(now_ms)?;
    let slots = reader.slot_tasks(SLOTS_MAX)?;
    let in_progress = reader.manifests_in_progress(MANIFESTS_MAX)?;
    let (prices, tasks_left) = (price::prices(site, reader)?, reader.tasks_left(PRICED_TASKS_MAX)?);
    let sum = PriceSum::of_tasks_left(&tasks_left, &prices);
    let pace = CapPace::slowest(&status, &tasks_left, &sum);
    let time_left = TimeLeft::of(&status, pace.as_ref(), now_ms);
    let main = html! {
        h1 { "Overview" }
        div.cards #queue data-live="" {
            section.card aria-labelledby="queue-title" {
                h2 #queue-title { "Queue" }
                (queue::describe(&status, time_left, now_ms))
                (queue::tasks(&slots))
                @if !site.is_read_only() { (queue::switch(&status)) }
            }
            section.card aria-labelledby="needs-title" {
                h2 #needs-title { "Needs you" }
                (needs::list(site, &status))
            }
            section.card aria-labelledby="money-title" {
                h2 #money-title { "Spending" }
                (money(&status, price::left(&prices, &tasks_left)))
            }
        }
        h2 { "Jobs" }
        div #counts data-live="" { (counts(&status)) }
        h2 { "Manifests in progress" }
        div #manifests data-live="" {
            (manifests::table(site, reader, &in_progress)?)
            p { a href="/manifests" { "All manifests" } }
        }
    };
    Ok(site.page(Place::Overview, "Overview", &main))
}

fn counts(status: &QueueStatus) -> Markup {
    html! {
        ul.counts {
            @for state in JobState::ALL {
                @let count = status.count(&[state]);
                @if count > 0 {
                    li { a href=(address::with_query("/jobs", [("state", state.name())])) { b { (number(count)) } " " (jobs::state(state)) } }
                }
            }
            @if status.jobs.values().all(|count| *count == 0) { li { "No jobs yet. Put a manifest into " code { "jobs_dir" } "." } }
        }
    }
}

/// What was paid, and `left`, the price of what is left.
fn money(status: &QueueStatus, left: Option<String>) -> Markup {
    let (today, total) = (status.spent_today, status.spent_total);
    let has_money = total.money_micro > 0 || status.caps.money_micro.is_some();
    html! {
        dl {
            dt { "Today" }
            dd { (units(today.units_micro)) " units" (cap(status.caps.units_micro)) }
            @if has_money { dt { "Today in money" } dd { (units(today.money_micro)) (cap(status.caps.money_micro)) } }
            dt { "In total" }
            dd { (units(total.units_micro)) " units" @if has_money { " and " (units(total.money_micro)) " in money" } }
            @if let Some(left) = left { dt { "Price left" } dd { (left) } }
        }
        @if status.has_uncapped_money() {
            p.warning { "The account is charged money, and only units are capped: set " code { "limits.money_per_day" } "." }
        }
        p { a href="/spend" { "By day" } }
    }
}

fn cap(micro: Option<i64>) -> Markup {
    html! { @if let Some(micro) = micro { " of " (units(micro)) " (daily budget)" } }
}
