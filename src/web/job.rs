//! One job: its reason, what it asks for, its result and its history.

use std::sync::Arc;

use axum::{extract, response::Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    address,
    error::PageError,
    format::{self, iso_time, text, time},
    jobs,
    layout::Place,
    player,
    selection::Selection,
    site::{PageResult, Site},
    source::linked,
    verb::Verb,
};
use crate::{
    job::State,
    store::{HistoryEntry, JobDetail, Reader},
};

/// Entries of the history that are shown; the newest. `lipsyncd show` prints all.
const ENTRIES_MAX: usize = 200;

/// The job's key.
#[derive(Debug, Deserialize)]
pub(super) struct JobQuery {
    key: String,
}

/// `GET /job`
pub(super) async fn page(
    extract::State(site): extract::State<Arc<Site>>,
    extract::Query(asked): extract::Query<JobQuery>,
) -> Response {
    site.render(move |site, reader| write(site, reader, &asked.key)).await
}

fn write(site: &Site, reader: &Reader, key: &str) -> PageResult {
    let Some(detail) = reader.detail(key)? else {
        return Err(PageError::UnknownJob(key.to_owned()));
    };
    let main = html! {
        p.crumbs { a href="/jobs" { "Jobs" } " / " a href=(address::manifest(&detail.overview.manifest)) { (text(&detail.overview.manifest)) } }
        h1 { (text(key)) }
        section #state data-live="" aria-label="State" { (reason(&detail)) @if !site.is_read_only() { (actions(&detail)) } }
        (player::section(site, reader, &detail)?)
        div.cards data-live="" #facts {
            section.card { h2 { "Asked for" } (wish(&detail)) }
            section.card { h2 { "Task and result" } (task(&detail)) }
        }
        section #history data-live="" { h2 { "History" } (history(&detail)) }
    };
    Ok(site.page(Place::Jobs, key, &main))
}

fn reason(detail: &JobDetail) -> Markup {
    let overview = &detail.overview;
    html! {
        p.big { (jobs::state(overview.state)) " " span.soft { "since " (iso_time(&overview.state_since)) } }
        @if let Some(reason) = &overview.waiting_for { p.notice { (format::reason(reason)) } }
        @if let Some(error) = &overview.error {
            p.problem { (format::reason(error)) @if let Some(code) = &overview.error_code { " (" code { (code) } ")" } }
        }
        @if let Some(missing) = &overview.watermark_missing { p.warning { (text(missing)) } }
        @if overview.changed_after_sent {
            p.warning { "The manifest or its media changed after the request was sent. The result is of the earlier request." }
        }
        @if overview.dismissed { p.soft { "Dismissed: counts and lists of problems leave this job out." } }
        @if !detail.manifest_is_there { p.warning { "The manifest is no longer in the folder." } }
    }
}

/// Links to the pages that ask before something is done.
fn actions(detail: &JobDetail) -> Markup {
    let job = &detail.state.job;
    let selection = Selection::of_job(&job.spec.key);
    let has_ended = matches!(job.state, State::Succeeded | State::Failed | State::Cancelled);
    let may_cancel = job.state.is_unsent();
    let may_dismiss = job.changed_after_sent || job.state == State::Failed && !job.dismissed;
    let link = |verb: Verb, words: &str| html! { a.button.quiet href=(selection.address(verb.path(), [])) { (words) } };
    html! {
        div.actions {
            @if has_ended { (link(Verb::Retry, "Ask for another take …")) }
            @if may_cancel { (link(Verb::Cancel, "Cancel …")) }
            @if may_dismiss { (link(Verb::Dismiss, "Dismiss …")) }
            @if job.dismissed { (link(Verb::UndoDismissal, "Count again …")) }
        }
    }
}

fn wish(detail: &JobDetail) -> Markup {
    let spec = &detail.state.job.spec;
    let position = |ms: i64| format!("{} s", Milliseconds(ms));
    html! {
        dl {
            dt { "Video" } dd { (linked(&spec.video)) }
            dt { "Audio" } dd { (linked(&spec.audio)) }
            dt { "Face" } dd { (text(&spec.face.to_string())) }
            dt { "Audio from" } dd { (position(spec.sound_start_ms)) }
            @if let Some(end) = spec.sound_end_ms { dt { "Audio to" } dd { (position(end)) } }
            @if let Some(insert) = spec.sound_insert_ms { dt { "Inserted at" } dd { (position(insert)) } }
            dt { "Volume" } dd { (spec.sound_volume) " (original " (spec.original_audio_volume) ")" }
            @if spec.watermark { dt { "Watermark" } dd { "yes" } }
            @if let Some(at) = spec.not_before_at_ms { dt { "Not before" } dd { (time(at)) } }
            @for (name, value) in &spec.labels { dt { "Label " (text(name)) } dd { (text(value)) } }
        }
    }
}

fn task(detail: &JobDetail) -> Markup {
    let overview = &detail.overview;
    html! {
        dl {
            dt { "Output" } dd { (text(&overview.output)) }
            dt { "Take" } dd { (overview.attempt) }
            @if let Some(others) = &overview.shares_task_with { dt { "Shared with" } dd { (text(others)) } }
            @if let Some(task) = &overview.task_id { dt { "Task" } dd { code { (task) } } }
            @if let Some(name) = &overview.external_task_id { dt { "Name at Kling" } dd { code { (name) } } }
            dt { "Cost" } dd { (overview.units) " units" @if let Some(money) = overview.money { " and " (money) " in money" } }
            dt { "Priority" } dd { (overview.priority) }
            dt { "Created" } dd { (iso_time(&overview.created_at)) }
            @if let Some(ended) = &overview.finished_at { dt { "Ended" } dd { (iso_time(ended)) } }
            @if let Some(plan) = detail.state.task.as_ref().and_then(|task| task.plan.as_ref()) {
                dt { "Used" }
                dd {
                    "face " (text(&plan.face_id)) ", audio from " (Milliseconds(plan.sound_start_ms)) " to "
                    (Milliseconds(plan.sound_end_ms)) " s, inserted at " (Milliseconds(plan.sound_insert_ms)) " s"
                }
            }
            @if let Some(result) = detail.state.task.as_ref().and_then(|task| task.result.as_ref()) {
                dt { "SHA-256" } dd { code { (result.sha256) } }
            }
        }
    }
}

fn history(detail: &JobDetail) -> Markup {
    let hidden = detail.history.len().saturating_sub(ENTRIES_MAX);
    html! {
        @if !detail.history_is_complete() { p.soft { "Entries older than " code { "retention.history" } " are no longer kept." } }
        @if hidden > 0 { p.soft { "The newest entries; " code { "lipsyncd show" } " prints all." } }
        div.scroll tabindex="0" role="region" aria-label="History" {
            table.rows {
                thead { tr {
                    th scope="col" { "At" }
                    th scope="col" { "State" }
                    th scope="col" { "What happened" }
                    th scope="col" { "Answer of the API" }
                } }
                tbody { @for entry in &detail.history[hidden..] { (history_row(entry)) } }
            }
        }
    }
}

fn history_row(entry: &HistoryEntry) -> Markup {
    let is_move = entry.from_state.as_ref() != Some(&entry.to_state);
    html! {
        tr {
            td.beside { (iso_time(&entry.at)) }
            td.beside { @if is_move { span class={ "state state-" (entry.to_state) } { (entry.to_state) } } }
            td.wide { (format::reason(&entry.what)) }
            td.wide {
                @if let Some(call) = &entry.call {
                    (call) ": "
                    @match entry.http_status { Some(status) => { "HTTP " (status) } None => "no answer" }
                    @if let Some(code) = entry.code { ", code " (code) }
                    @if let Some(units) = entry.units { ", " (units) " units" }
                    @if let Some(money) = entry.money { ", " (money) " in money" }
                    @if let Some(id) = &entry.request_id { br; span.soft { "request_id " code { (text(id)) } } }
                }
            }
        }
    }
}

/// A length in seconds: `1.5`.
struct Milliseconds(i64);

impl maud::Render for Milliseconds {
    fn render(&self) -> Markup {
        html! { (self.to_string()) }
    }
}

impl std::fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}
