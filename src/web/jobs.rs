//! The list of jobs. Filter and place are in the address, so that it can be kept and shared.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    address,
    error::PageError,
    format::{iso_time, text},
    layout::Place,
    site::{PageResult, Site},
};
use crate::{
    job,
    store::{JobOverview, ManifestGlob, PageEnd, Reader, Select, SortBy},
};

/// Rows of a page.
const ROWS_MAX: usize = 100;

/// The filter, as it is in the address. Empty values count as absent: a form sends all of its fields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    state: String,
    manifest: String,
    after: String,
}

impl Asked {
    fn address(&self, after: &str) -> String {
        let pairs = [("state", &*self.state), ("manifest", &*self.manifest), ("after", after)];
        address::with_query("/jobs", pairs)
    }

    fn select(&self) -> Result<Select, PageError> {
        let states =
            match self.state.as_str() {
                "" => Vec::new(),
                name => vec![job::State::named(name).ok_or_else(|| {
                    PageError::Invalid(format!("there is no state called `{name}`"))
                })?],
            };
        let manifests = Some(self.manifest.as_str()).filter(|path| !path.is_empty());
        let manifests = manifests.into_iter().map(ManifestGlob::new).collect();
        Ok(Select { manifests, states, ..Select::default() })
    }

    fn after(&self) -> Result<Option<PageEnd>, PageError> {
        let invalid = || PageError::Invalid("`after` is no end of a page".to_owned());
        let after = Some(self.after.as_str()).filter(|after| !after.is_empty());
        after.map(|text| PageEnd::parse(text, SortBy::Read).ok_or_else(invalid)).transpose()
    }
}

/// `GET /jobs`
pub(super) async fn page(State(site): State<Arc<Site>>, Query(asked): Query<Asked>) -> Response {
    site.render(move |site, reader| write(site, reader, &asked)).await
}

fn write(site: &Site, reader: &Reader, asked: &Asked) -> PageResult {
    let (selected, after) = (reader.select(&asked.select()?)?, asked.after()?);
    let page = reader.job_page(&selected, SortBy::Read, after.as_ref(), ROWS_MAX)?;
    let (jobs, next) = (page.jobs, page.end.map(|end| end.as_text()));
    let main = html! {
        h1 { "Jobs" }
        (form(asked))
        div #jobs data-live="" {
            (table(&jobs))
            nav.pages aria-label="More jobs" {
                @if !asked.after.is_empty() { a href=(asked.address("")) { "First page" } }
                @if let Some(next) = next {
                    a rel="next" href=(asked.address(&next)) { "Next page" }
                }
            }
        }
    };
    Ok(site.page(Place::Jobs, "Jobs", &main))
}

fn form(asked: &Asked) -> Markup {
    html! {
        form.row method="get" action="/jobs" role="search" aria-label="Filter" {
            label { "State"
                select name="state" {
                    option value="" { "all" }
                    @for state in job::State::ALL {
                        option value=(state) selected[asked.state == state.name()] { (state) }
                    }
                }
            }
            label { "Manifest" input name="manifest" value=(asked.manifest) autocomplete="off"; }
            button { "Show" }
            a href="/jobs" { "Show all" }
        }
    }
}

fn table(jobs: &[JobOverview]) -> Markup {
    if jobs.is_empty() {
        return html! { p { "No job matches." } };
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Jobs" {
            table {
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
            td { (state(job.state)) }
            td { (iso_time(&job.state_since)) }
            td { a href=(address::job(&job.key)) { (text(&job.key)) } }
            td.wide { @if let Some(reason) = reason { (text(reason)) } }
            td.number { (job.units) }
        }
    }
}

/// A state in its colour.
pub(super) fn state(state: job::State) -> Markup {
    html! { span class={ "state state-" (state) } { (state) } }
}
