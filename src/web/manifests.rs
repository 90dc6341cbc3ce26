//! Manifests with their progress and price: all of them in pages, and the table of the overview.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    address,
    format::{counted, number, text, units},
    layout::Place,
    price::{self, prices},
    site::Site,
};
use crate::{
    job::PriceList,
    store::{ManifestCost, ManifestProgress, Reader, StoreError},
};

/// Rows of a page.
const ROWS_MAX: usize = 100;
/// The price of a manifest needs all of its jobs. So many are read for one page.
const PRICED_JOBS_MAX: i64 = 2_000;

/// Where the page begins.
#[derive(Debug, Deserialize)]
pub(super) struct ManifestsQuery {
    #[serde(default)]
    after: String,
}

/// `GET /manifests`
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Query(asked): Query<ManifestsQuery>,
) -> Response {
    site.render(move |site, reader| {
        let found = reader.manifest_page(&asked.after, ROWS_MAX)?;
        let next = found.last().filter(|_| found.len() == ROWS_MAX);
        let main = html! {
            h1 { "Manifests" }
            div #manifests data-live="" {
                (table(site, reader, &found)?)
                nav.pages aria-label="More manifests" {
                    @if !asked.after.is_empty() { a href="/manifests" { "First page" } }
                    @if let Some(last) = next {
                        a rel="next" href=(address::with_query("/manifests", [("after", &*last.path)])) { "Next page" }
                    }
                }
            }
        };
        Ok(site.page(Place::Manifests, "Manifests", &main))
    })
    .await
}

/// A table of manifests, with prices as far as they are fast to read.
pub(super) fn table(
    site: &Site,
    reader: &Reader,
    manifests: &[ManifestProgress],
) -> Result<Markup, StoreError> {
    if manifests.is_empty() {
        return Ok(html! { p.soft { "None." } });
    }
    let (prices, mut jobs) = (prices(site, reader)?, 0);
    let mut rows = Vec::new();
    for manifest in manifests {
        jobs += manifest.jobs;
        let cost = (jobs <= PRICED_JOBS_MAX).then(|| reader.manifest_cost(&manifest.path));
        rows.push((manifest, cost.transpose()?));
    }
    Ok(html! {
        div.scroll tabindex="0" role="region" aria-label="Manifests" {
            table.rows {
                thead { tr {
                    th scope="col" { "Manifest" }
                    th scope="col" { "Progress" }
                    th.number scope="col" { "Failed" }
                    th.number scope="col" { "Spent" }
                    th.number scope="col" { "Price left" }
                } }
                tbody {
                    @for (manifest, cost) in &rows { (row(manifest, cost.as_ref(), &prices)) }
                }
            }
        }
    })
}

fn row(manifest: &ManifestProgress, cost: Option<&ManifestCost>, prices: &PriceList) -> Markup {
    let page = address::manifest(&manifest.path);
    html! {
        tr {
            td.wide {
                a href=(page) { (text(&manifest.path)) }
                @if let Some(error) = &manifest.error { p.problem { (text(first_line(error))) } }
            }
            td.progress { @if manifest.error.is_none() || manifest.jobs > 0 { (progress(manifest)) } }
            td.number data-name="Failed" { (failed(manifest)) }
            @match cost {
                Some(cost) => {
                    td.number data-name="Spent" { (units(cost.spent.units_micro)) }
                    td.number data-name="Price left" {
                        (price::left(prices, &cost.left).unwrap_or_else(|| "0 units".to_owned()))
                    }
                }
                None => td.number colspan="2" { a href=(page) { "see its page" } },
            }
        }
    }
}

/// The summary of one manifest, above its jobs.
pub(super) fn one(
    site: &Site,
    reader: &Reader,
    manifest: &ManifestProgress,
) -> Result<Markup, StoreError> {
    /// A larger manifest takes too long.
    const JOBS_MAX: i64 = 5_000;
    let cost = (manifest.jobs <= JOBS_MAX).then(|| reader.manifest_cost(&manifest.path));
    let (cost, prices) = (cost.transpose()?, prices(site, reader)?);
    Ok(html! {
        section.card #manifest data-live="" aria-label="Manifest" {
            h2 { (text(&manifest.path)) }
            @if let Some(error) = &manifest.error { pre.problem { (text(error)) } }
            (progress(manifest))
            p {
                @if manifest.failed > 0 { (number(manifest.failed)) " failed, " }
                @if manifest.unresolved > 0 { (number(manifest.unresolved)) " unresolved, " }
                @match cost {
                    Some(cost) => {
                        (units(cost.spent.units_micro)) " units spent"
                        @if let Some(left) = price::left(&prices, &cost.left) { "; left: " (left) }
                    }
                    None => { "price: see " code { "lipsyncd manifests" } },
                }
            }
        }
    })
}

fn failed(manifest: &ManifestProgress) -> Markup {
    let pairs = [("manifest", &*manifest.path), ("state", "failed")];
    html! {
        @if manifest.failed > 0 { a href=(address::with_query("/jobs", pairs)) { (number(manifest.failed)) } }
        @else { "0" }
    }
}

/// A bar of succeeded, failed and other jobs; cancelled jobs are left out.
fn progress(manifest: &ManifestProgress) -> Markup {
    let ManifestProgress { jobs, succeeded, failed, cancelled, .. } = *manifest;
    let all = (jobs - cancelled).max(0);
    let part = |count: i64| if all > 0 { count * 100 / all } else { 0 };
    let (good, bad) = (part(succeeded), part(failed));
    html! {
        svg.bar viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.bar-rest width="100" height="8" {}
            rect.bar-done width=(good) height="8" {}
            rect.bar-bad x=(good) width=(bad) height="8" {}
        }
        span.soft { (number(succeeded)) " of " (counted(all, "job")) }
    }
}

fn first_line(error: &str) -> &str {
    error.lines().next().unwrap_or_default()
}
