//! Failed jobs by code and reason, each group with what can be done for it.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use maud::{Markup, html};

use super::{
    address,
    format::{counted, number, text, time},
    layout::Place,
    site::{PageResult, Site},
};
use crate::store::{FailedGroup, NewestFailures, Reader};

/// Failed jobs that are read for the page.
const NEWEST_MAX: usize = 5_000;
const GROUPS_MAX: usize = 100;

/// `GET /failures`
pub(super) async fn page(State(site): State<Arc<Site>>) -> Response {
    site.render(write).await
}

fn write(site: &Site, reader: &Reader) -> PageResult {
    let NewestFailures { groups, has_more } = reader.newest_failures(NEWEST_MAX, GROUPS_MAX)?;
    let main = html! {
        h1 { "Failures" }
        div #failures data-live="" {
            @if has_more {
                p.notice { "These are the newest " (number(i64::try_from(NEWEST_MAX).unwrap_or(i64::MAX)))
                    " failed jobs, or the largest groups; " code { "lipsyncd failures" } " prints all." }
            }
            @if groups.is_empty() { p { "No job has failed. Dismissed jobs are not listed here." } }
            @for group in &groups { (card(site, group)) }
        }
    };
    Ok(site.page(Place::Failures, "Failures", &main))
}

fn card(site: &Site, group: &FailedGroup) -> Markup {
    let (code, reason) = (group.error_code.as_deref(), group.reason.as_deref());
    let pairs = [
        ("state", "failed"),
        ("dismissed", "no"),
        ("code", code.unwrap_or_default()),
        ("reason", reason.unwrap_or_default()),
    ];
    html! {
        article.card {
            h2 { (counted(group.jobs, "job")) ": " (text(reason.unwrap_or("unknown reason"))) }
            p.soft {
                @if let Some(code) = code { "code " code { (code) } ", " }
                @if group.jobs == 1 { "at " (time(group.last_at_ms)) ", " }
                @else { "first " (time(group.first_at_ms)) ", last " (time(group.last_at_ms)) ", for example " }
                a href=(address::job(&group.example_key)) { (text(&group.example_key)) }
            }
            div.actions {
                a href=(address::with_query("/jobs", pairs)) { "Show these" }
                @if !site.is_read_only() {
                    a.button href=(address::with_query("/retry", pairs)) { "Retry these …" }
                    a.button.quiet href=(address::with_query("/dismiss", pairs)) { "Dismiss these …" }
                }
            }
        }
    }
}
