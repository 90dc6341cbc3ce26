//! The list of jobs. Filter, order and place are in the address, so that it can be kept and shared.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use maud::{Markup, html};
use url::form_urlencoded;

use super::{
    address,
    error::PageError,
    format::{self, iso_time, text},
    layout::Place,
    manifests,
    selection::Selection,
    site::{PageResult, Site},
    verb::Verb,
};
use crate::{
    job::{self, Verdict},
    store::{JobOverview, JobPage, PageEnd, Reader, Select, SortBy},
};

/// Rows of a page.
const ROWS_MAX: usize = 100;

/// The orders of the page. The others would read all selected jobs for each page.
const ORDERS: [(SortBy, &str); 3] = [
    (SortBy::Since, "newest change first"),
    (SortBy::Read, "as they were first read"),
    (SortBy::Key, "by key"),
];

/// What the address asks for.
struct JobsQuery {
    selection: Selection,
    sort: SortBy,
    after: Option<PageEnd>,
}

impl JobsQuery {
    fn parse(query: &str) -> Result<Self, PageError> {
        let value = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
        };
        let sort = match value("sort") {
            None => SortBy::Since,
            Some(name) => ORDERS
                .into_iter()
                .find_map(|(one, _)| (one.name() == name).then_some(one))
                .ok_or_else(|| PageError::Invalid(format!("there is no order `{name}`")))?,
        };
        let invalid = || PageError::Invalid("`after` is no end of a page".to_owned());
        let after = value("after")
            .map(|text| PageEnd::parse(&text, sort).ok_or_else(invalid))
            .transpose()?;
        Ok(Self { selection: Selection::parse(query)?, sort, after })
    }

    fn address(&self, after: &str) -> String {
        self.selection.address("/jobs", [("sort", self.sort.name()), ("after", after)])
    }
}

/// `GET /jobs`
pub(super) async fn page(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Response {
    site.render(move |site, reader| {
        write(site, reader, &JobsQuery::parse(&query.unwrap_or_default())?)
    })
    .await
}

fn write(site: &Site, reader: &Reader, asked: &JobsQuery) -> PageResult {
    let selected = reader.select(&asked.selection.select)?;
    let JobPage { jobs, end } =
        reader.job_page(&selected, asked.sort, asked.after.as_ref(), ROWS_MAX)?;
    let manifest = reader.manifest_progress(asked.selection.value("manifest"))?;
    let main = html! {
        h1 { "Jobs" }
        (form(asked))
        @if let Some(manifest) = &manifest { (manifests::one(site, reader, manifest)?) }
        div #jobs data-live="" {
            @if !site.is_read_only() && !jobs.is_empty() { (actions(asked)) }
            (table(&jobs))
            nav.pages aria-label="More jobs" {
                @if asked.after.is_some() { a href=(asked.address("")) { "First page" } }
                @if let Some(end) = end {
                    a rel="next" href=(asked.address(&end.as_text())) { "Next page" }
                }
            }
        }
    };
    Ok(site.page(Place::Jobs, "Jobs", &main))
}

fn form(asked: &JobsQuery) -> Markup {
    let JobsQuery { selection, sort, .. } = asked;
    let state = selection.value("state");
    let is_single = state.is_empty() || job::State::named(state).is_some();
    html! {
        form.row method="get" action="/jobs" role="search" aria-label="Filter" {
            label { "State"
                select name="state" {
                    option value="" { "all" }
                    @if !is_single { option value=(state) selected { (state) } }
                    @for one in job::State::ALL {
                        option value=(one) selected[state == one.name()] { (one) }
                    }
                }
            }
            label { "Manifest" input name="manifest" value=(selection.value("manifest")) placeholder="promo/*.yaml" autocomplete="off"; }
            label { "Label" input name="label" value=(selection.value("label")) placeholder="language=fr" autocomplete="off"; }
            label { "Error code" input name="code" value=(selection.value("code")) autocomplete="off"; }
            label { "Since" input name="since" value=(selection.value("since")) placeholder="2h, today" autocomplete="off"; }
            label { "Verdict"
                select name="verdict" {
                    option value="" { "any" }
                    @for name in Select::VERDICTS {
                        option value=(name) selected[selection.value("verdict") == name] { (name) }
                    }
                }
            }
            label { "Order"
                select name="sort" {
                    @for (one, name) in ORDERS { option value=(one.name()) selected[one == *sort] { (name) } }
                }
            }
            button { "Show" }
            @if !selection.is_everything() { a href="/jobs" { "Show all" } }
        }
        @for name in ["job", "reason", "changed", "dismissed"] {
            @if !selection.value(name).is_empty() {
                p.soft { "Only jobs with " (name) ": " (text(selection.value(name))) }
            }
        }
    }
}

/// Links to the pages that ask before something is done to all selected jobs, also those of further pages.
fn actions(asked: &JobsQuery) -> Markup {
    let Selection { select, .. } = &asked.selection;
    let only = |states: &[job::State]| {
        !select.states.is_empty() && select.states.iter().all(|state| states.contains(state))
    };
    let may_retry = select.verdicts.is_empty()
        && (select.states.is_empty() || only(&[job::State::Failed, job::State::Cancelled]));
    let may_cancel = only(&[job::State::Waiting, job::State::Queued, job::State::Identified]);
    let may_dismiss = only(&[job::State::Failed]);
    let link = |verb: Verb, words: &str| {
        html! { a.button.quiet href=(asked.selection.address(verb.path(), [])) { (words) } }
    };
    html! {
        @if !asked.selection.is_everything() {
            div.actions {
                @if may_retry { (link(Verb::Retry, "Retry the failed jobs of this selection …")) }
                @if may_cancel { (link(Verb::Cancel, "Cancel this selection …")) }
                @if may_dismiss { (link(Verb::Dismiss, "Dismiss this selection …")) }
            }
        }
    }
}

fn table(jobs: &[JobOverview]) -> Markup {
    if jobs.is_empty() {
        return html! { p { "No job matches." } };
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Jobs" {
            table.rows {
                thead { tr {
                    th scope="col" { "State" }
                    th scope="col" { "Since" }
                    th scope="col" { "Job" }
                    th scope="col" { "Reason" }
                    th.number scope="col" { "Units" }
                } }
                tbody { @for job in jobs { (row(job)) } }
            }
        }
    }
}

fn row(job: &JobOverview) -> Markup {
    let reason = job.waiting_for.as_ref().or(job.error.as_ref()).or(job.watermark_missing.as_ref());
    html! {
        tr {
            td.beside { (state(job.state)) @if let Some(verdict) = job.verdict { br; " " (self::verdict(verdict)) } }
            td.beside { (iso_time(&job.state_since)) }
            td.wide { a href=(address::job(&job.key)) { (text(&job.key)) } }
            td.wide { @if let Some(reason) = reason { (format::reason(reason)) } }
            td.number data-name="Units" { (job.units) }
        }
    }
}

/// A state in its colour.
pub(super) fn state(state: job::State) -> Markup {
    html! { span class={ "state state-" (state) } { (state) } }
}

/// A verdict in its colour.
pub(super) fn verdict(verdict: Verdict) -> Markup {
    html! { span class={ "state verdict-" (verdict.name()) } { (verdict.name()) } }
}
