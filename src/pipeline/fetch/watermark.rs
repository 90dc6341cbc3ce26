//! The step that brings the watermarked copy of a result that is delivered already.
//!
//! The job has succeeded, and does not wait for the copy. Only what is missing is fetched: a file of another job of the
//! task, else a download.

use super::{FetchError, RemoteResult, RemoteVideo, fetch_video, on_disk, to_transient_error};
use crate::{
    failpoint,
    job::{Job, Task, retry::delay_ms},
    kling::Api,
    output::{self, FileFacts, Metadata, OutputPaths, Part, VideoKind},
    pipeline::{AccountSignal, StepContext},
    store::{
        IncompleteDownload, JobChange, MetadataFacts, StoreError, WatermarkOutcome, WatermarkTries,
    },
};

/// The page that shows results: servers that protect the watermarked copy against use on other sites expect it.
const REFERER: &str = "https://app.klingai.com/";

/// From this try on, the copy is asked for once an hour.
const EAGER_TRIES: u32 = 8;
const REST_MS: i64 = 60 * 60 * 1000;

/// A try that failed.
struct FailedTry {
    error: FetchError,
    referer_tried: bool,
    /// The result has expired at Kling.
    is_expired: bool,
}

impl From<FetchError> for FailedTry {
    fn from(error: FetchError) -> Self {
        let is_expired = matches!(error, FetchError::Expired { .. });
        Self { error, referer_tried: false, is_expired }
    }
}

pub(super) async fn deliver_watermark<A: Api>(
    context: &StepContext<A>,
    job: Job,
    task: Task,
    tried: WatermarkTries,
) -> Result<Option<AccountSignal>, StoreError> {
    let mut signal = None;
    let outcome = match bring(context, &job, &task, tried).await {
        Ok(None) => return Ok(None),
        Ok(Some(FileFacts { sha256, bytes })) => WatermarkOutcome::Delivered { sha256, bytes },
        Err(failed) => {
            signal = failed.error.signal();
            outcome_of(context, &task, tried, failed)
        }
    };
    failpoint::before("watermark.record");
    let now_ms = context.clock.now_ms();
    let change = context.store.record_watermark(job.id, &task, outcome, now_ms).await?;
    failpoint::after("watermark.record");
    change.as_ref().map(JobChange::log);
    Ok(signal)
}

/// The copy as it is on disk.
enum LocalCopy {
    /// At its place.
    Published(FileFacts),
    /// In its part file, copied from another job of the task.
    InPart(FileFacts),
    Absent,
}

/// Brings the copy to its place, and returns its facts. None: the job points to another task by now.
async fn bring<A: Api>(
    context: &StepContext<A>,
    job: &Job,
    task: &Task,
    tried: WatermarkTries,
) -> Result<Option<FileFacts>, FailedTry> {
    let kind = VideoKind::Watermark.name();
    let copies = context.store.copies_of(task, job.id, kind).await.map_err(FetchError::from)?;
    let (sources, incomplete) = copies;
    let (place, local) = find_local(context, job, task, sources).await?;
    let (facts, part, created_at_ms) = match local {
        LocalCopy::Published(facts) => return Ok(Some(facts)),
        LocalCopy::InPart(facts) => (facts, None, task.made_at_ms(None)),
        LocalCopy::Absent => {
            let (facts, part, created_at_ms) =
                download(context, task, &place, (tried, incomplete)).await?;
            (facts, Some(part), created_at_ms)
        }
    };
    let metadata = metadata(context, job, task, &facts, created_at_ms).await?;
    // A download takes long, and the copy of an earlier result must not be put beside a newer one.
    let Some(metadata) = metadata else { return Ok(None) };
    let published = on_disk(&context.settings, move || {
        output::publish_watermark(&place, &metadata, part.as_ref()).inspect_err(|_| {
            // The obstacle may last, and the copy must not be downloaded again each time. Whether the part can be
            // kept changes nothing about the error.
            part.map(|mut part| part.keep());
        })
    });
    published.await?;
    Ok(Some(facts))
}

/// Looks for the copy at its place, and at those of other jobs of the task.
async fn find_local<A: Api>(
    context: &StepContext<A>,
    job: &Job,
    task: &Task,
    sources: Vec<String>,
) -> Result<(OutputPaths, LocalCopy), FetchError> {
    let (output_dir, to) = (context.settings.output_dir.clone(), job.output.clone());
    let (hash, take) = (task.request_hash.clone(), task.take);
    on_disk(&context.settings, move || {
        let place = OutputPaths::prepare(&output_dir, &to)?;
        if let Some(facts) = output::published_watermark(&place, &hash, take)? {
            return Ok((place, LocalCopy::Published(facts)));
        }
        for source in &sources {
            let from = OutputPaths::prepare(&output_dir, source)?;
            if let Some(facts) = output::copy_watermark(&from, &place, &hash, take)? {
                return Ok((place, LocalCopy::InPart(facts)));
            }
        }
        Ok((place, LocalCopy::Absent))
    })
    .await
}

/// Downloads the copy. Where the server refuses, a Referer is tried, once for each job.
async fn download<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    place: &OutputPaths,
    (tried, incomplete): (WatermarkTries, Option<IncompleteDownload>),
) -> Result<(FileFacts, Part, i64), FailedTry> {
    let task_id = task.task_id.clone().unwrap_or_default();
    let remote = RemoteResult::query(context, task, &task_id).await?;
    let mut video = RemoteVideo::of(task, VideoKind::Watermark, &remote, place, incomplete);
    let mut fetched = fetch_video(context, task, place, &video).await;
    let is_refused = matches!(&fetched, Err(FetchError::NotFound(_) | FetchError::NotAllowed(_)));
    let tries_referer = is_refused && !tried.referer_tried;
    if tries_referer {
        video.referer = Some(REFERER);
        fetched = fetch_video(context, task, place, &video).await;
    }
    match fetched {
        Ok(fetched) => Ok((fetched.facts, fetched.part, remote.created_at_ms)),
        Err(error) => {
            // A full disk does not show that the copy is gone.
            let is_expired = remote.is_expired() && !matches!(&error, FetchError::Output(_));
            Err(FailedTry { error, referer_tried: tries_referer, is_expired })
        }
    }
}

/// The metadata that are written if a person moved those of the result away. None: the job points to another task by now.
async fn metadata<A: Api>(
    context: &StepContext<A>,
    job: &Job,
    task: &Task,
    facts: &FileFacts,
    created_at_ms: i64,
) -> Result<Option<Metadata>, FetchError> {
    let MetadataFacts { face, spec, is_asked_for } =
        context.store.metadata_facts(task, job.id).await?;
    if !is_asked_for {
        return Ok(None);
    }
    let metadata = Metadata::of_task(task, face).of_job(&spec);
    let result = task.result.as_ref().map_or_else(
        || metadata.result.clone(),
        |result| FileFacts { sha256: result.sha256.clone(), bytes: result.bytes },
    );
    Ok(Some(Metadata {
        result,
        watermark: Some(facts.clone()),
        duration_ms: task.result.as_ref().and_then(|result| result.duration_ms),
        created_at_ms,
        finished_at_ms: context.clock.now_ms(),
        ..metadata
    }))
}

fn outcome_of<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    tried: WatermarkTries,
    failed: FailedTry,
) -> WatermarkOutcome {
    let FailedTry { error, referer_tried, is_expired } = failed;
    let error = to_transient_error(task, error);
    if is_expired {
        return WatermarkOutcome::Gone(format!(
            "the watermarked copy is gone: Kling keeps results for 30 days (last try: {})",
            error.message
        ));
    }
    let tries = tried.tries.saturating_add(1);
    let moment = context.clock.moment();
    let policy = &context.settings.policy;
    let rest_ms = match tries {
        ..EAGER_TRIES => delay_ms(policy, tries, moment.chance),
        _ => REST_MS,
    };
    let asked_ms = error.retry_after_ms.unwrap_or(0).min(policy.longest_rest_ms());
    WatermarkOutcome::Failed {
        reason: error.message,
        due_at_ms: moment.now_ms.saturating_add(rest_ms.max(asked_ms)),
        referer_tried,
    }
}
