//! Fetching the result of a task: to a part file, checked, and only then under its final name.
//!
//! A result that was paid for is never given up: whatever is in the way is waited out, and the job
//! says what it is.

use std::fs::File;

use url::Url;

use super::{
    Settings,
    context::Context,
    in_the_way::earlier,
    pace::Kind as Call,
    step::{StepEnd, Word},
    stop::{Stop, no_result, on_disk, told},
};
use crate::{
    job::{
        Delivered, Job, Outcome,
        outcome::{Fault, Trouble},
    },
    kling::{Api, Fetched, ResultVideo},
    media::video,
    output::{
        self, FaceUsed, FileFacts, Kind, Metadata, OutputError, Part, Place, Source, TimingUsed,
    },
    planted::{Mistake, is_planted},
    store::StoreError,
};

/// So many bytes go to the disk at once.
const WRITE_BYTES: usize = 256 << 10;

/// Query Task: "generated images/videos will be deleted after 30 days".
const RESULT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Fetches what the task of a job made. `hint` is what the last query said of it.
pub(super) async fn download<A: Api>(
    context: &Context<A>,
    job: Job,
    hint: Option<ResultVideo>,
) -> Result<StepEnd, StoreError> {
    let (outcome, word) = match fetch(context, &job, hint).await {
        Ok(delivered) => (Outcome::Delivered(delivered), None),
        Err(stop @ Stop::Gone { .. }) => {
            let Trouble { code, message, .. } = told(&job, stop);
            (Outcome::Refused(Fault { code, message }), None)
        }
        Err(Stop::Output(error)) if error.is_passing() => {
            (Outcome::Blocked(told(&job, error.into())), None)
        }
        Err(stop) if is_planted(Mistake::PaidAndFailed) => {
            let Trouble { code, message, .. } = told(&job, stop);
            (Outcome::Refused(Fault { code, message }), None)
        }
        Err(stop) => {
            let word = match &stop {
                Stop::Api(error) => Word::of(error),
                _ => None,
            };
            (Outcome::Trouble(told(&job, stop)), word)
        }
    };
    Ok(StepEnd::new(context.note(&job, outcome, None).await?, word))
}

async fn fetch<A: Api>(
    context: &Context<A>,
    job: &Job,
    hint: Option<ResultVideo>,
) -> Result<Delivered, Stop> {
    let task_id = job.task_id.clone().unwrap_or_default();
    let (output_dir, way) =
        (context.settings.output_dir.clone(), context.room.way(&job.spec.output));
    let (known_task, bytes_max) = (task_id.clone(), context.settings.download_bytes_max);
    let (place, begun) = on_disk(&context.settings, move || {
        let place = way.go(&output_dir)?;
        let begun = match output::already_published(&place, &known_task)? {
            Some(metadata) => Begun::Published(Box::new(metadata)),
            None => Begun::Part(open_part(&place, &known_task, Kind::Result, bytes_max)?),
        };
        Ok((place, begun))
    })
    .await?;
    let part = match begun {
        Begun::Published(metadata) => return Ok(delivered(&metadata)),
        Begun::Part(part) => part,
    };
    let (videos, made) = match hint {
        Some(video) => (video, None),
        None => ask_for_result(context, job, &task_id).await?,
    };
    let (result_part, result) = fetch_file(context, part, Kind::Result, videos.url.as_deref())
        .await
        .map_err(|stop| gone_by_now(stop, made))?;
    let mut parts = vec![result_part];
    let mut watermark = None;
    if job.spec.watermark {
        let (wanted_place, wanted_task) = (place.clone(), task_id.clone());
        let open = move || open_part(&wanted_place, &wanted_task, Kind::Watermark, bytes_max);
        let part = on_disk(&context.settings, open).await?;
        let url = videos.watermark_url.as_deref();
        let (part, facts) = fetch_file(context, part, Kind::Watermark, url).await?;
        parts.push(part);
        watermark = Some(facts);
    }
    let metadata = metadata(context, job, result, watermark, videos.duration_ms).await?;
    let earlier = earlier(job);
    on_disk(&context.settings, move || {
        if !is_planted(Mistake::NeverPublished)
            && let Err(error) = output::publish(&place, &metadata, &earlier)
        {
            // What is in the way may stay there for long: it is not fetched again each time. Whether that
            // can be kept changes nothing of what is told.
            parts.iter_mut().for_each(|part| drop(part.keep()));
            return Err(error);
        }
        Ok(delivered(&metadata))
    })
    .await
}

/// What lies at a job's place.
enum Begun {
    /// All of it, from before a crash.
    Published(Box<Metadata>),
    /// What there is of its result.
    Part(Part),
}

fn open_part(
    place: &Place,
    task_id: &str,
    kind: Kind,
    bytes_max: u64,
) -> Result<Part, OutputError> {
    Part::open(place, Source { task_id, kind }, bytes_max)
}

/// When a task was made, and how long ago.
#[derive(Clone, Copy)]
struct Made {
    at_ms: i64,
    age_ms: i64,
}

/// The result as the API names it now, and how old its task is.
async fn ask_for_result<A: Api>(
    context: &Context<A>,
    job: &Job,
    task_id: &str,
) -> Result<(ResultVideo, Option<Made>), Stop> {
    context.pace.ready(Call::Query).await;
    let reply = context.api.task(task_id).await;
    let (task, api_now_ms) = (reply.result?, reply.answer.server_at_ms);
    if task.task_id != task_id {
        return Err(no_result("is about another task"));
    }
    let video = task.videos.into_iter().next().ok_or_else(|| no_result("names no result"))?;
    // Both clocks must say so: either may be wrong, and the API's times may make no sense.
    let now_ms = context.clock.now_ms();
    let sent_at_ms = job.create.as_ref().map_or(now_ms, |create| create.first_sent_at_ms);
    let made = task.created_at_ms.map(|at_ms| {
        let age_ms = api_now_ms.unwrap_or(now_ms).saturating_sub(at_ms);
        Made { at_ms, age_ms: age_ms.min(now_ms.saturating_sub(sent_at_ms)) }
    });
    Ok((video, made))
}

/// A result that is not where the API just said is waited for, unless it is so old that it is not
/// kept any more: waiting would never end.
fn gone_by_now(stop: Stop, made: Option<Made>) -> Stop {
    match (stop, made) {
        (Stop::NotThere(_), Some(made)) if made.age_ms > RESULT_KEPT_MS => {
            Stop::Gone { made_at_ms: made.at_ms }
        }
        (stop, _) => stop,
    }
}

/// Brings one video to disk as a whole part file.
async fn fetch_file<A: Api>(
    context: &Context<A>,
    part: Part,
    kind: Kind,
    url: Option<&str>,
) -> Result<(Part, FileFacts), Stop> {
    let url = match (url, kind) {
        (Some(url), _) => {
            Url::parse(url).map_err(|_| no_result("names a result without a valid address"))?
        }
        (None, Kind::Result) => return Err(no_result("names a result without an address")),
        (None, Kind::Watermark) => return Err(no_result("names no watermarked result")),
    };
    let reply = context.api.fetch(&url, part.bytes(), part.etag()).await;
    let is_not_there = matches!(reply.answer.http_status, Some(404 | 410));
    let fetched = reply.result.map_err(|error| match is_not_there {
        true => Stop::NotThere(error),
        false => Stop::Api(error),
    })?;
    pour(&context.settings, part, fetched).await
}

/// Writes what comes to the part, to the end of the stream, and checks it. If that breaks, what came is
/// kept. A result that comes in one piece goes to disk in one go.
async fn pour(
    settings: &Settings,
    mut part: Part,
    mut fetched: Fetched,
) -> Result<(Part, FileFacts), Stop> {
    let expected_bytes = fetched.total_bytes.filter(|_| !is_planted(Mistake::HalfIsWhole));
    let mut begins = Some((fetched.from_byte, fetched.etag.take()));
    let mut came = Vec::new();
    loop {
        let next = fetched.chunk().await;
        if let Ok(Some(chunk)) = &next {
            came.extend_from_slice(chunk);
            if came.len() < WRITE_BYTES {
                continue;
            }
        }
        let (bytes, begin) = (std::mem::take(&mut came), begins.take());
        let ended = matches!(next, Ok(None)) || next.is_err() && is_planted(Mistake::HalfIsWhole);
        let broke = next.is_err() && !ended;
        let (poured, facts) = on_disk(settings, move || {
            if let Some((from_byte, etag)) = begin {
                part.begin(from_byte, etag.as_deref())?;
            }
            part.append(&bytes)?;
            if broke {
                part.keep()?;
            }
            let facts = ended.then(|| part.finish(is_whole, expected_bytes)).transpose()?;
            Ok((part, facts))
        })
        .await?;
        part = poured;
        match (facts, next) {
            (Some(facts), _) => return Ok((part, facts)),
            (None, Err(error)) => return Err(error.into()),
            (None, Ok(_)) => {}
        }
    }
}

fn is_whole(file: &mut File, bytes: u64) -> Result<(), video::VideoFault> {
    match is_planted(Mistake::HalfIsWhole) {
        true => Ok(()),
        false => video::is_whole(file, bytes).map(drop),
    }
}

async fn metadata<A: Api>(
    context: &Context<A>,
    job: &Job,
    result: FileFacts,
    watermark: Option<FileFacts>,
    duration_ms: Option<i64>,
) -> Result<Metadata, Stop> {
    let internal = |message: String| Stop::Other { code: "internal", message };
    let plan = job.plan.as_ref().ok_or_else(|| internal("the job has no timing".to_owned()))?;
    let face = context.store.face_of(job).await.map_err(|error| internal(error.to_string()))?;
    let labels = context.store.labels(job.id).await.map_err(|error| internal(error.to_string()))?;
    Ok(Metadata {
        job: job.spec.key.clone(),
        attempt: job.attempt,
        task_id: job.task_id.clone().unwrap_or_default(),
        external_task_id: job.external_task_id(),
        video: job.spec.video.as_written().to_owned(),
        audio: job.spec.audio.as_written().to_owned(),
        face: FaceUsed {
            id: plan.face_id.clone(),
            start_ms: face.as_ref().map_or(0, |face| face.start_ms),
            end_ms: face.as_ref().map_or(0, |face| face.end_ms),
        },
        timing: TimingUsed {
            sound_start_ms: plan.sound_start_ms,
            sound_end_ms: plan.sound_end_ms,
            sound_insert_ms: plan.sound_insert_ms,
            sound_volume: job.spec.sound_volume,
            original_audio_volume: job.spec.original_audio_volume,
        },
        units_micro: Some(job.units_micro),
        duration_ms,
        result,
        watermark,
        labels,
        created_at_ms: job.create.as_ref().map_or(0, |create| create.first_sent_at_ms),
        finished_at_ms: context.clock.now_ms(),
    })
}

fn delivered(metadata: &Metadata) -> Delivered {
    Delivered {
        bytes: metadata.result.bytes,
        sha256: metadata.result.sha256.clone(),
        duration_ms: metadata.duration_ms,
    }
}
