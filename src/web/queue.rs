//! What the queue does, and what limits it.

use maud::{Markup, html};

use super::{
    address,
    format::{counted, number, text, time},
};
use crate::{
    actions::TimeLeft,
    store::{Pause, PauseKind, QueueStatus, SlotTask},
};

/// The state of the queue, each reason why it waits, how many slots are used, and the time left.
pub(super) fn describe(status: &QueueStatus, left: Option<TimeLeft>, now_ms: i64) -> Markup {
    let problems = problems(status, now_ms);
    html! {
        @if let Some(pause) = &status.pause { (paused(pause)) }
        @if let Some(hold) = status.hold.as_ref().filter(|_| status.pause.is_none()) { p.warning { "Held: " (text(hold)) } }
        @for problem in &problems { p.warning { (problem) } }
        @if status.pause.is_none() && status.hold.is_none() && problems.is_empty() {
            p.big { @if status.is_idle() { "Nothing to do" } @else { "Running" } }
        }
        (slots(status))
        (speed(status, left))
    }
}

/// How fast jobs finish, what limits that, and how long the queue will take.
fn speed(status: &QueueStatus, left: Option<TimeLeft>) -> Markup {
    // What finished earlier does not matter when nothing is left to do.
    let rate = status.rate_text().filter(|_| !status.is_idle());
    let limit = status.limited_by().map(|limit| format!("limited by {limit}"));
    let parts: Vec<String> = rate.into_iter().chain(limit).collect();
    html! {
        @if !parts.is_empty() { p { (text(&parts.join("; "))) } }
        @if let Some(left) = left { p { "Time left: " (left.sentence()) } }
    }
}

/// The tasks in the slots, the oldest first.
pub(super) fn tasks(tasks: &[SlotTask]) -> Markup {
    html! {
        @if !tasks.is_empty() {
            details #slots {
                summary { "Tasks in the slots" }
                ul { @for task in tasks { li { a href=(address::job(&task.key)) { (text(&task.key)) } " " (task.state) " since " (time(task.sent_at_ms)) } } }
            }
        }
    }
}

fn paused(pause: &Pause) -> Markup {
    html! {
        @match pause.kind {
            PauseKind::Person => p.warning {
                "Paused by a person since " (time(pause.since_ms)) ": no paid calls. Tasks that Kling accepted are followed to their end."
            },
            PauseKind::Account | PauseKind::Credentials => p.problem {
                "Paused by the API since " (time(pause.since_ms)) ": " (text(&pause.reason))
                @if let Some(code) = pause.code { " (code " (code) ")" }
                @if let Some(at) = pause.next_probe_at_ms { ". It is tried again at " (time(at)) "." }
            },
        }
    }
}

fn problems(status: &QueueStatus, now_ms: i64) -> Vec<Markup> {
    let mut problems = Vec::new();
    if let Some(problem) = &status.api_problem {
        problems.push(html! { "The API gives no usable answer: " (text(&problem.reason)) " (since " (time(problem.since_ms)) ")" });
    }
    if let Some(limit) = status.rate_limit.filter(|limit| limit.paid_until_ms > now_ms) {
        problems.push(html! {
            "Rate limited by the API" @if let Some(code) = limit.code { " (code " (code) ")" } ": paid calls resume at " (time(limit.paid_until_ms))
        });
    }
    if let Some((jobs, reason)) = &status.blocked {
        problems.push(html! { (counted(*jobs, "job")) " held: " (text(reason)) });
    }
    if let Some(problem) = &status.uploads.problem {
        problems.push(html! { "Uploads are held: " (text(&problem.reason)) });
    }
    if let Some(problem) = &status.folder_problem {
        problems.push(html! { "The folder of manifests cannot be read: " (text(problem)) });
    }
    if let Some(folders) = &status.unreadable_folders {
        problems.push(html! {
            (counted(folders.count, "folder")) " in " code { "jobs_dir" } " cannot be read, for example "
            code { (text(&folders.first)) } ": " (text(&folders.reason))
        });
    }
    if let Some(problem) = &status.video_server_problem {
        problems.push(html! { "Local videos cannot be served to the API: " (text(problem)) });
    }
    if let Some(problem) = &status.result_hosts_problem {
        problems.push(html! { "Results may not be downloaded: " (text(problem)) });
    }
    problems
}

fn slots(status: &QueueStatus) -> Markup {
    let (used, limit) = (status.slots_used, status.slots_limit.max(1));
    html! {
        p {
            meter min="0" max=(limit) value=(used) aria-label="Slots used" {}
            (number(used)) " of " (counted(status.slots_limit, "slot")) " used"
            @if status.slots_limit < status.slots_configured { " (as many as the account allows)" }
        }
    }
}

/// The button that pauses or resumes.
pub(super) fn switch(status: &QueueStatus) -> Markup {
    html! {
        @if status.pause.is_some() {
            form.inline method="post" action="/resume" { button { "Resume paid calls" } }
        } @else {
            form.inline method="post" action="/pause" { button.quiet { "Pause paid calls" } }
        }
    }
}
