//! What needs a person, the most urgent first, each with the page that helps.

use maud::{Markup, html};

use super::{
    address,
    format::{counted, text},
    site::Site,
};
use crate::store::{Need, QueueStatus, RefusedManifest, Undelivered};

/// The list, or that nothing needs anybody.
pub(super) fn list(site: &Site, status: &QueueStatus) -> Markup {
    let needs = status.needs();
    let is_paused = status.is_paused_by_person() && !site.is_read_only();
    html! {
        @if needs.is_empty() && !is_paused { p.soft { "Nothing." } }
        @else {
            ul.needs {
                @if is_paused { li { "Paid calls are paused: resume them when they may continue" } }
                @for need in &needs { (item(need)) }
            }
        }
    }
}

fn item(need: &Need<'_>) -> Markup {
    let in_state = |state| address::with_query("/jobs", [("state", state)]);
    let job = |key: &str| html! { a href=(address::job(key)) { (text(key)) } };
    let what = match *need {
        Need::Unresolved(jobs) => {
            let need = if jobs == 1 { "needs" } else { "need" };
            html! {
                a href=(in_state("unresolved")) { (counted(jobs, "job")) " " (need) " your decision" }
                ": it is unknown whether Kling accepted the request"
            }
        }
        Need::Superseded(tasks, first) => {
            html! { (counted(tasks, "unresolved task")) " of an earlier request: " (job(first)) }
        }
        Need::UnreadableFolders(folders) => html! {
            (counted(folders.count, "folder")) " cannot be read: let the daemon's user read " (text(&folders.first))
        },
        Need::RefusedManifests(count, first) => return refused(count, first),
        Need::Failed(jobs) => html! { a href="/failures" { (counted(jobs, "job")) " failed" } },
        Need::Changed(jobs, first) => html! {
            a href=(address::with_query("/jobs", [("changed", "yes")])) { (counted(jobs, "job")) " changed after the request was sent" }
            ", for example " (job(first))
        },
        Need::MissingWatermark(first) => html! { "A watermarked copy is missing: " (job(first)) },
        Need::Undelivered(Undelivered { jobs, first_job, reason }) => html! {
            a href=(in_state("downloading")) { (counted(*jobs, "job")) " without the paid result" } ", for example "
            (job(first_job)) ": " (text(reason))
        },
        Need::UnsentMessages(problem) => html! { "Messages cannot be sent: " (text(problem)) },
        Need::Waiting(jobs) => {
            let wait = if jobs == 1 { "waits" } else { "wait" };
            html! { a href=(in_state("waiting")) { (counted(jobs, "job")) " " (wait) } " for media or for a time" }
        }
    };
    html! { li { (what) } }
}

fn refused(count: i64, first: &[RefusedManifest]) -> Markup {
    let more = count - i64::try_from(first.len()).unwrap_or(i64::MAX);
    html! {
        @for manifest in first {
            li {
                a href=(address::manifest(&manifest.path)) { (text(&manifest.path)) } " has errors: "
                (text(manifest.error.lines().next().unwrap_or_default()))
            }
        }
        @if more > 0 { li { (counted(more, "more manifest")) " with errors: " code { "lipsyncd check" } " prints all" } }
    }
}
