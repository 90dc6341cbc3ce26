//! What needs a person, the most urgent first, each with the page that helps.

use maud::{Markup, html};

use super::{
    address,
    format::{counted, number, text},
    site::Site,
};
use crate::{job::State, store::QueueStatus};

/// The list, or that nothing needs anybody.
pub(super) fn list(site: &Site, status: &QueueStatus) -> Markup {
    let all = needs(site, status);
    html! {
        @if all.is_empty() { p.soft { "Nothing." } }
        @else { ul.needs { @for need in &all { li { (need) } } } }
    }
}

fn needs(site: &Site, status: &QueueStatus) -> Vec<Markup> {
    let mut needs = Vec::new();
    let unresolved = status.count(&[State::Unresolved]);
    if unresolved > 0 {
        let jobs = address::with_query("/jobs", [("state", "unresolved")]);
        let need = if unresolved == 1 { "needs" } else { "need" };
        needs.push(html! { a href=(jobs) { (counted(unresolved, "job")) " " (need) " your decision" } ": it is unknown whether Kling accepted the request" });
    }
    if let Some(first) = status.superseded.jobs.first() {
        needs.push(html! {
            (counted(status.superseded.tasks, "unresolved task")) " of an earlier request: "
            a href=(address::job(first)) { (text(first)) }
        });
    }
    for refused in &status.refused {
        let first = refused.error.lines().next().unwrap_or_default();
        needs.push(html! { a href=(address::manifest(&refused.path)) { (text(&refused.path)) } " has errors: " (text(first)) });
    }
    let shown = i64::try_from(status.refused.len()).unwrap_or(i64::MAX);
    if status.manifests_refused > shown {
        needs.push(html! { (number(status.manifests_refused - shown)) " more manifests have errors: " code { "lipsyncd check" } });
    }
    let failed = status.count(&[State::Failed]);
    if failed > 0 {
        needs.push(html! { a href="/failures" { (counted(failed, "job")) " failed" } });
    }
    if let Some(first) = &status.first_changed {
        needs.push(html! {
            a href=(address::with_query("/jobs", [("changed", "yes")])) { (counted(status.changed_after_sent, "job")) " changed after the request was sent" } ", for example "
            a href=(address::job(first)) { (text(first)) }
        });
    }
    if let Some(first) = &status.missing_watermarks.first_job {
        needs.push(html! { "A watermarked copy is missing: " a href=(address::job(first)) { (text(first)) } });
    }
    if status.incomplete_results > 0 {
        let jobs = address::with_query("/jobs", [("state", "downloading")]);
        needs.push(html! { a href=(jobs) { (counted(status.incomplete_results, "result")) " incomplete at Kling's server" } });
    }
    if let Some(problem) = &status.notifications.problem {
        needs.push(html! { "Messages cannot be sent: " (text(problem)) });
    }
    let waiting = status.count(&[State::Waiting]);
    if waiting > 0 {
        let jobs = address::with_query("/jobs", [("state", "waiting")]);
        let wait = if waiting == 1 { "waits" } else { "wait" };
        needs.push(html! { a href=(jobs) { (counted(waiting, "job")) " " (wait) } " for media or for a time" });
    }
    if status.pause.is_some() && !site.is_read_only() {
        needs.push(html! { "Paid calls are paused: resume them when they may continue" });
    }
    needs
}
