//! Downloads the result of a task and publishes it.

use std::iter;

use super::{
    DeliveredFile, FetchError, FetchedFile, KnownResult, RemoteResult, RemoteVideo, Target,
    complete, on_disk, publish, receive,
};
use crate::{
    job::Task,
    kling::Api,
    output::{Metadata, OutputPaths, Part, PartSource, VideoKind},
    pipeline::StepContext,
    store::MetadataFacts,
};

/// Downloads the result of a task to a part file, and publishes it. `part` is open already if it was known that the
/// result is not on disk. Returns none if the job points to another task by now, or to this one again.
///
/// The watermarked copy follows once the result is delivered, because a result must not wait for the copy. A superseded
/// result gets its copy here, or never.
pub(super) async fn download_result<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: &Target,
    (place, part): (&OutputPaths, Option<Part>),
    KnownResult { polled, incomplete }: KnownResult,
) -> Result<Option<DeliveredFile>, FetchError> {
    let task_id = task.task_id.clone().unwrap_or_default();
    let at = target.parts_at(task, place);
    let remote = match polled.and_then(|polled| RemoteResult::from_last_poll(task, polled)) {
        Some(remote) => remote,
        None => RemoteResult::query(context, task, &task_id).await?,
    };
    let part = match part {
        Some(part) => part,
        None => open(context, task, &at, VideoKind::Result).await?,
    };
    let video = RemoteVideo::of(task, VideoKind::Result, &remote, &at, incomplete);
    let received = receive(context, part, &video).await;
    let received = received.map_err(|error| remote.or_expired(error))?;
    let watermark = match task.spec.watermark && target.is_superseded {
        true => fetch_watermark(context, task, &remote, &at).await?,
        false => None,
    };
    // A download takes long, and an earlier result must not displace a newer one.
    let MetadataFacts { face, spec, is_asked_for } =
        context.store.metadata_facts(task, target.job).await?;
    if is_asked_for == target.is_superseded {
        return Ok(None);
    }
    let metadata = Metadata {
        watermark: watermark.as_ref().map(|watermark| watermark.facts.clone()),
        duration_ms: remote.video.duration_ms,
        created_at_ms: remote.created_at_ms,
        finished_at_ms: context.clock.now_ms(),
        ..Metadata::of_task(task, face).of_job(&spec)
    };
    let (place, wanted) = (place.clone(), target.clone());
    let publish_it = move |result: FetchedFile| {
        let duration_ms = result.length_ms.or(metadata.duration_ms);
        let metadata = Metadata { result: result.facts, duration_ms, ..metadata };
        let parts = iter::once(result.part).chain(watermark.map(|watermark| watermark.part));
        publish(&place, &metadata, &wanted, parts.collect())
    };
    let published = complete(context, &video, received, publish_it).await;
    published.map(Some).map_err(|error| remote.or_expired(error))
}

/// Downloads the watermarked copy of a superseded result. None: it failed, and is not tried again.
async fn fetch_watermark<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    remote: &RemoteResult,
    at: &OutputPaths,
) -> Result<Option<FetchedFile>, FetchError> {
    let kind = VideoKind::Watermark;
    let incomplete = context.store.incomplete_download(task.id, kind.name()).await?;
    let video = RemoteVideo::of(task, kind, remote, at, incomplete);
    Ok(fetch_video(context, task, at, &video).await.ok())
}

/// Downloads one video of a task to its part file at a place.
pub(super) async fn fetch_video<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    at: &OutputPaths,
    video: &RemoteVideo<'_>,
) -> Result<FetchedFile, FetchError> {
    let part = open(context, task, at, video.kind).await?;
    let received = receive(context, part, video).await?;
    complete(context, video, received, Ok).await
}

async fn open<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    at: &OutputPaths,
    kind: VideoKind,
) -> Result<Part, FetchError> {
    let (at, task_id) = (at.clone(), task.task_id.clone().unwrap_or_default());
    let bytes_max = context.settings.download_bytes_max;
    let open = move || Part::open(&at, PartSource { task_id: &task_id, kind }, bytes_max);
    on_disk(&context.settings, open).await
}
