//! Downloads the result of a task to a part file.

use super::{FetchError, FetchedFile, RemoteResult, RemoteVideo, Target, fetch_file, on_disk};
use crate::{
    job::Task,
    kling::{Api, RemoteTask},
    output::{Metadata, OutputPaths, Part, PartSource, VideoKind},
    pipeline::StepContext,
};

/// Downloads the result of a task to a part file. The watermarked copy follows once the result is delivered, because a
/// result must not wait for the copy. A superseded result gets its copy here, or never.
pub(super) async fn fetch_parts<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: &Target,
    place: &OutputPaths,
    polled: Option<RemoteTask>,
) -> Result<(Metadata, Vec<Part>), FetchError> {
    let task_id = task.task_id.clone().unwrap_or_default();
    let at = if target.is_superseded { place.superseded(&task_id) } else { place.clone() };
    let remote = match polled.and_then(|polled| RemoteResult::from_last_poll(task, polled)) {
        Some(remote) => remote,
        None => RemoteResult::query(context, task, &task_id).await?,
    };
    let video = RemoteVideo::of(task, VideoKind::Result, &remote, &at);
    let fetched = fetch_video(context, task, &at, &video).await;
    let FetchedFile { part, facts, length_ms } =
        fetched.map_err(|error| remote.or_expired(error))?;
    let (mut parts, mut watermark) = (vec![part], None);
    if task.spec.watermark && target.is_superseded {
        let video = RemoteVideo::of(task, VideoKind::Watermark, &remote, &at);
        if let Ok(fetched) = fetch_video(context, task, &at, &video).await {
            parts.push(fetched.part);
            watermark = Some(fetched.facts);
        }
    }
    let (face, spec) = context.store.face_and_spec(task, target.job).await?;
    let metadata = Metadata {
        result: facts,
        watermark,
        duration_ms: length_ms.or(remote.video.duration_ms),
        created_at_ms: remote.created_at_ms,
        finished_at_ms: context.clock.now_ms(),
        ..Metadata::of_task(task, face).of_job(&spec)
    };
    Ok((metadata, parts))
}

/// Downloads one video of a task to its part file at a place.
pub(super) async fn fetch_video<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    at: &OutputPaths,
    video: &RemoteVideo<'_>,
) -> Result<FetchedFile, FetchError> {
    let (at, task_id) = (at.clone(), task.task_id.clone().unwrap_or_default());
    let (kind, bytes_max) = (video.kind, context.settings.download_bytes_max);
    let open = move || Part::open(&at, PartSource { task_id: &task_id, kind }, bytes_max);
    let part = on_disk(&context.settings, open).await?;
    fetch_file(context, part, video).await
}
