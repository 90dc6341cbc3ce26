//! The player on the page of a job.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::verdict::NOTE_MAX;
use crate::{
    job::{GivenVerdict, Plan, Source, State, Task},
    output::{Presence, presence},
    store::{JobDetail, ManifestGlob, PageEnd, Reader, Select, SortBy, TakeToReview},
    web::{
        address, assets,
        error::PageError,
        format::{text, time},
        jobs,
        site::Site,
        source::linked,
    },
};

/// Results that are played side by side. A browser decodes no more at once on an ordinary computer.
const PLAYED_MAX: usize = 4;

/// Writes the player of a job that has a result; empty: there is nothing to play.
pub(in crate::web) fn section(
    site: &Site,
    reader: &Reader,
    detail: &JobDetail,
) -> Result<Markup, PageError> {
    let Some(task) = &detail.state.task else { return Ok(html! {}) };
    let takes = reader.takes_to_review(&task.request_hash)?;
    let mut played: Vec<&TakeToReview> =
        takes.iter().filter(|take| take.result.is_some()).collect();
    // The take of the job comes first, then the newest.
    played.sort_by_key(|take| (take.task != task.id, Reverse(take.take)));
    let hidden = played.len().saturating_sub(PLAYED_MAX);
    played.truncate(PLAYED_MAX);
    let next = next_to_review(reader, detail)?;
    Ok(html! {
        @if !played.is_empty() {
            section #player aria-labelledby="player-title" data-insert=[ms(task, |plan| plan.sound_insert_ms)]
                data-start=[ms(task, |plan| plan.sound_start_ms)] data-end=[ms(task, |plan| plan.sound_end_ms)]
                data-volume=(task.spec.sound_volume) data-original=(task.spec.original_audio_volume)
            {
                h2 #player-title { "Before and after" }
                (controls())
                div.videos {
                    (before(task))
                    @for take in &played { (after(site, detail, take, played.len() > 1)) }
                }
                @if hidden > 0 { p.soft { (hidden) " more takes have a result in the output folder." } }
                @if let Some(next) = next {
                    p { "Next to review in " (text(&detail.overview.manifest)) ": " a href={ (address::job(&next)) "#player" } { (text(&next)) } }
                }
                script defer src=(assets::address("player.js")) {}
            }
        }
        @if takes.len() > 1 {
            section #takes data-live="" aria-label="Takes" {
                h2 { "Takes" }
                ul { @for take in &takes { li { (take_line(take, task)) } } }
                p.soft { "The player shows the takes that had a result when this page was opened: " a href=(address::job(&detail.overview.key)) { "show all of them" } }
            }
        }
    })
}

/// Returns the next job of the manifest whose result nobody has reviewed: after this one, else from the first.
fn next_to_review(reader: &Reader, detail: &JobDetail) -> Result<Option<String>, PageError> {
    let manifests = vec![ManifestGlob::new(&detail.overview.manifest)];
    let select = Select { manifests, verdicts: vec![None], ..Select::default() };
    let jobs = reader.select(&select)?;
    let here = PageEnd::parse(&detail.state.job.id.to_string(), SortBy::Read);
    for after in [here.as_ref(), None] {
        let page = reader.job_page(&jobs, SortBy::Read, after, 2)?.jobs.into_iter();
        let mut others = page.map(|job| job.key).filter(|key| *key != detail.overview.key);
        if let Some(key) = others.next() {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn ms(task: &Task, of: fn(&Plan) -> i64) -> Option<i64> {
    task.plan.as_ref().map(of)
}

/// Shown by the script, which plays all videos together.
fn controls() -> Markup {
    html! {
        div.controls role="group" aria-label="Playback of all videos" hidden {
            button type="button" data-play="" { "Play" }
            input type="range" data-position="" aria-label="Position" min="0" max="0" step="0.1" value="0";
            span.time data-time="" aria-live="off" { "0:00.0" }
        }
        p #player-problem role="status" hidden {}
    }
}

fn before(task: &Task) -> Markup {
    let (video, audio) = (&task.spec.video, &task.spec.audio);
    html! {
        figure {
            figcaption { "Before: the source" @if is_local(video) && is_local(audio) { " with the new audio" } }
            @if is_local(video) {
                video src={ "/media/video/" (task.id) } data-video="before" preload="metadata" playsinline controls
                    aria-label="Source video" {}
            } @else {
                p.notice { "The source is not on this computer: " (linked(video)) }
            }
            @if is_local(audio) {
                audio src={ "/media/audio/" (task.id) } preload="metadata" controls aria-label="New audio" {}
            } @else {
                p.soft { "New audio: " (linked(audio)) }
            }
            @if is_local(video) { (listen("before", "Listen to the source", false)) }
        }
    }
}

fn after(site: &Site, detail: &JobDetail, take: &TakeToReview, are_several: bool) -> Markup {
    let is_current = detail.state.job.task == Some(take.task);
    let sha256 = take.result.as_ref().map(|(sha256, _)| sha256.as_str()).unwrap_or_default();
    let obstacle = if is_current { obstacle(site, detail) } else { None };
    let name = format!("take-{}", take.take);
    html! {
        figure id={ "take-" (take.task) } {
            figcaption {
                "After" @if are_several { ": take " (take.take) }
                @if let Some(given) = &take.verdict { " " (jobs::verdict(given.verdict)) }
            }
            @if let Some(obstacle) = obstacle { (obstacle) } @else {
                video src={ "/media/result/" (take.task) "/" (sha256) } data-video=(name)
                    preload="metadata" playsinline controls aria-label={ "Result, take " (take.take) } {}
                (listen(&name, &if are_several { format!("Listen to take {}", take.take) } else { "Listen to the result".to_owned() }, is_current))
            }
            @if let Some(given) = &take.verdict { (note(given)) }
            @if !site.is_read_only() { (form(detail, take, sha256)) }
        }
    }
}

/// Why the file of the job cannot be played, as far as its size shows.
fn obstacle(site: &Site, detail: &JobDetail) -> Option<Markup> {
    let (output, (_, bytes)) = (&detail.overview.output, detail.state.job.delivered.as_ref()?);
    match presence(&site.settings.config.output_dir.join(output), *bytes) {
        Ok(Presence::Absent) => Some(html! {
            p.warning { "The file " (text(output)) " is missing. " code { "lipsyncd fetch" } " restores it, free of charge." }
        }),
        Ok(Presence::Changed) => Some(html! {
            p.warning { "The file " (text(output)) " was changed after it was delivered. It is not the result any more." }
        }),
        Ok(Presence::Delivered) | Err(_) => None,
    }
}

/// Chooses the audio that is heard; only for the script.
fn listen(name: &str, label: &str, is_chosen: bool) -> Markup {
    html! {
        label.listen hidden { input type="radio" name="listen" value=(name) checked[is_chosen] autocomplete="off"; " " (label) }
    }
}

fn note(given: &GivenVerdict) -> Markup {
    html! {
        p.soft { (given.verdict.name()) " at " (time(given.given_at_ms)) }
        @if let Some(note) = &given.note { p.note { (text(note)) } }
    }
}

fn form(detail: &JobDetail, take: &TakeToReview, sha256: &str) -> Markup {
    let given = take.verdict.as_ref();
    let note = given.and_then(|given| given.note.as_deref()).unwrap_or_default();
    let id = format!("note-{}", take.task);
    html! {
        form.verdict method="post" action="/verdict" {
            input type="hidden" name="key" value=(detail.overview.key);
            input type="hidden" name="task" value=(take.task);
            input type="hidden" name="sha256" value=(sha256);
            label for=(id) { "Note on take " (take.take) }
            textarea id=(id) name="note" rows="2" maxlength=(NOTE_MAX) { (note) }
            div.actions {
                button name="verdict" value="approved" { "Approve" }
                button.bad name="verdict" value="rejected" { "Reject" }
                @if given.is_some() { button.quiet name="verdict" value="none" { "Withdraw" } }
            }
        }
    }
}

fn take_line(take: &TakeToReview, current: &Task) -> Markup {
    html! {
        "Take " (take.take) @if take.task == current.id { " (of this job)" } ": "
        @if take.state == State::Succeeded {
            @match &take.verdict { Some(given) => (jobs::verdict(given.verdict)), None => "not reviewed" }
        } @else { (take.state) }
    }
}

fn is_local(source: &Source) -> bool {
    matches!(source, Source::File(_))
}
