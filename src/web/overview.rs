//! The overview: the queue, what limits it, and who is needed.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use maud::{Markup, html};

use super::{
    format::{counted, number, text, time, units},
    layout::Place,
    site::{PageResult, Site},
};
use crate::{
    job::State as JobState,
    store::{PauseKind, QueueStatus, Reader},
};

/// `GET /`
pub(super) async fn page(State(site): State<Arc<Site>>) -> Response {
    site.render(write).await
}

fn write(site: &Site, reader: &Reader) -> PageResult {
    let status = reader.queue_status(now_ms())?;
    let main = html! {
        h1 { "Overview" }
        section #queue data-live="" aria-label="Queue" { (queue(&status)) @if !site.is_read_only() { (switch(&status)) } }
    };
    Ok(site.page(Place::Overview, "Overview", &main))
}

fn queue(status: &QueueStatus) -> Markup {
    html! {
        p { (counted(status.slots_used, "slot")) " of " (number(status.slots_limit)) " used" }
        @if let Some(pause) = &status.pause {
            @match pause.kind {
                PauseKind::Person => p { "Paused since " (time(pause.since_ms)) },
                PauseKind::Account | PauseKind::Credentials => p { "Paused: " (text(&pause.reason)) },
            }
        }
        dl {
            @for state in JobState::ALL {
                dt { (state) }
                dd { (number(status.count(&[state]))) }
            }
        }
        p { (units(status.spent_today.units_micro)) " units today" }
    }
}

/// The button that pauses or resumes.
fn switch(status: &QueueStatus) -> Markup {
    html! {
        @if status.pause.is_some() {
            form.inline method="post" action="/resume" { button { "Resume paid calls" } }
        } @else {
            form.inline method="post" action="/pause" { button.quiet { "Pause paid calls" } }
        }
    }
}

pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
