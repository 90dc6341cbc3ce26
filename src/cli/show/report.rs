//! The shape of `show --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::next::{earlier_to_decide, next_command};
use crate::{
    cli::{
        open,
        text::{iso_ms, shell_word},
    },
    job::{FaceChoice, JobSpec, Source},
    output::Presence,
    store::{HistoryEntry, JobDetail, JobOverview},
};

#[derive(Debug, Serialize)]
pub(super) struct JobReport<'a> {
    #[serde(flatten)]
    line: &'a JobOverview,
    manifest_in_folder: bool,
    labels: &'a BTreeMap<String, String>,
    request_hash: Option<&'a str>,
    shares_with: &'a [String],
    wish: Wish<'a>,
    media: Media<'a>,
    used: Option<Used<'a>>,
    create: Option<Create>,
    /// The task of an earlier request with an unknown outcome, if a person must decide it.
    earlier_unresolved: Option<Earlier<'a>>,
    result: Option<Delivered<'a>>,
    /// Whether the delivered file is still there; null: none was delivered.
    file: Option<&'static str>,
    /// While the outcome of the create request is unknown: the tasks of the account that may be the job's.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<Vec<CandidateReport<'a>>>,
    /// With `candidates`: when the account's tasks were read far enough; null: not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates_listed_at: Option<Option<String>>,
    /// Whether the history is complete.
    history_is_whole: bool,
    history: &'a [HistoryEntry],
    next: Option<String>,
}

/// A task of the account that may be an unresolved job's, and the command to choose it.
#[derive(Debug, Serialize)]
pub(super) struct CandidateReport<'a> {
    pub(super) task_id: &'a str,
    pub(super) status: &'a str,
    pub(super) video: Option<&'a str>,
    pub(super) created_at: Option<String>,
    pub(super) command: String,
}

/// What the manifest asks, by its own words.
#[derive(Debug, Serialize)]
struct Wish<'a> {
    video: Place<'a>,
    audio: Place<'a>,
    face: String,
    sound_start_ms: i64,
    sound_end_ms: Option<i64>,
    sound_insert_ms: Option<i64>,
    sound_volume: f64,
    original_audio_volume: f64,
    watermark: bool,
    callback_url: Option<&'a str>,
    external_task_id: Option<&'a str>,
    not_before: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Place<'a> {
    Url(&'a str),
    File(&'a str),
    Id(&'a str),
}

#[derive(Debug, Serialize)]
struct Media<'a> {
    missing: Option<&'a str>,
    audio_ms: Option<i64>,
    audio_sha256: Option<&'a str>,
    video_sha256: Option<&'a str>,
    video_ms: Option<i64>,
    video_url: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Used<'a> {
    face_id: &'a str,
    sound_start_ms: i64,
    sound_end_ms: i64,
    sound_insert_ms: i64,
}

#[derive(Debug, Serialize)]
struct Create {
    first_sent_at: String,
    sent_at: String,
}

impl Create {
    fn of(create: &crate::job::CreateAttempt) -> Self {
        Self { first_sent_at: iso_ms(create.first_sent_at_ms), sent_at: iso_ms(create.sent_at_ms) }
    }
}

/// A task of a request that the job does not ask for any more.
#[derive(Debug, Serialize)]
struct Earlier<'a> {
    external_task_id: &'a str,
    create: Option<Create>,
}

#[derive(Debug, Serialize)]
struct Delivered<'a> {
    bytes: u64,
    sha256: &'a str,
    duration_ms: Option<i64>,
}

impl<'a> JobReport<'a> {
    pub(super) fn of(detail: &'a JobDetail, file: Option<Presence>) -> Self {
        let (job, task) = (&detail.state.job, detail.state.task.as_ref());
        Self {
            line: &detail.line,
            manifest_in_folder: detail.manifest_is_there,
            labels: &job.spec.labels,
            request_hash: job.request_hash.as_deref(),
            shares_with: &detail.state.shares_with,
            wish: Wish::of(&job.spec),
            media: Media {
                missing: job.media.wait_reason.as_deref(),
                audio_ms: job.media.audio_ms.or(task.and_then(|task| task.media.audio_ms)),
                audio_sha256: job.media.audio_sha256.as_deref(),
                video_sha256: job.media.video_sha256.as_deref(),
                video_ms: job.media.video_ms,
                video_url: job.media.video_url.as_deref(),
            },
            used: task.and_then(|task| task.plan.as_ref()).map(|plan| Used {
                face_id: &plan.face_id,
                sound_start_ms: plan.sound_start_ms,
                sound_end_ms: plan.sound_end_ms,
                sound_insert_ms: plan.sound_insert_ms,
            }),
            create: task.and_then(|task| task.create.as_ref()).map(Create::of),
            earlier_unresolved: earlier_to_decide(detail).map(|task| Earlier {
                external_task_id: &task.name,
                create: task.create.as_ref().map(Create::of),
            }),
            result: task.and_then(|task| task.result.as_ref()).map(|result| Delivered {
                bytes: result.bytes,
                sha256: &result.sha256,
                duration_ms: result.duration_ms,
            }),
            file: file.map(|file| match file {
                Presence::Delivered => "delivered",
                Presence::Changed => "changed",
                Presence::Absent => "absent",
            }),
            candidates: candidates(detail),
            candidates_listed_at: detail
                .state
                .to_decide()
                .map(|_| detail.state.listed_at_ms.map(iso_ms)),
            history_is_whole: detail.history_is_whole(),
            history: &detail.history,
            next: next_command(detail, file),
        }
    }
}

impl<'a> Wish<'a> {
    fn of(spec: &'a JobSpec) -> Self {
        Self {
            video: place(&spec.video),
            audio: place(&spec.audio),
            face: face(&spec.face),
            sound_start_ms: spec.sound_start_ms,
            sound_end_ms: spec.sound_end_ms,
            sound_insert_ms: spec.sound_insert_ms,
            sound_volume: spec.sound_volume,
            original_audio_volume: spec.original_audio_volume,
            watermark: spec.watermark,
            callback_url: spec.callback_url.as_deref(),
            external_task_id: spec.external_task_id.as_deref(),
            not_before: spec.not_before_at_ms.map(iso_ms),
        }
    }
}

fn place(source: &Source) -> Place<'_> {
    match source {
        Source::Url(url) => Place::Url(url),
        Source::File(path) => Place::File(path),
        Source::Id(id) => Place::Id(id),
    }
}

/// The choice of a face as one writes it in a manifest.
pub(super) fn face(choice: &FaceChoice) -> String {
    match choice {
        FaceChoice::Longest => "longest".to_owned(),
        FaceChoice::First => "first".to_owned(),
        FaceChoice::Only => "only".to_owned(),
        FaceChoice::Index(index) => format!("index {index}"),
        FaceChoice::Id(id) => format!("id {id}"),
    }
}

/// Returns the tasks that may be the job's; none if the outcome of its create request is known.
pub(super) fn candidates(detail: &JobDetail) -> Option<Vec<CandidateReport<'_>>> {
    let resolve = open::command("resolve", &detail.state.job.spec.key);
    let all = detail.state.candidates.iter().map(|candidate| CandidateReport {
        task_id: &candidate.task_id,
        status: &candidate.status,
        video: candidate.video.as_deref(),
        created_at: candidate.created_at_ms.map(iso_ms),
        command: format!("{resolve} --task {}", shell_word(&candidate.task_id)),
    });
    detail.state.to_decide().map(|_| all.collect())
}
