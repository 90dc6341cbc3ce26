//! Downloads the videos of a task to part files.

use super::{
    fetch_error::{FetchError, on_disk},
    metadata::result_metadata,
    result_query::{RemoteResult, query_result},
    target::Target,
    transfer::fetch_file,
};
use crate::{
    job::Task,
    kling::{Api, RemoteTask},
    output::{Metadata, OutputPaths, Part, PartSource, VideoKind},
    pipeline::context::StepContext,
};

/// Downloads the result of a task, and its watermarked copy if the task has one, to part files.
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
        None => query_result(context, task, &task_id).await?,
    };
    let RemoteResult { videos, created_at_ms, .. } = &remote;
    let part = open_part(context, &at, &task_id, VideoKind::Result).await?;
    let fetched = fetch_file(context, part, VideoKind::Result, videos.url.as_deref()).await;
    let (part, result) = fetched.map_err(|error| remote.or_expired(error))?;
    let (mut parts, mut watermark) = (vec![part], None);
    if task.spec.watermark {
        let part = open_part(context, &at, &task_id, VideoKind::Watermark).await?;
        let url = videos.watermark_url.as_deref();
        let (part, facts) = fetch_file(context, part, VideoKind::Watermark, url).await?;
        parts.push(part);
        watermark = Some(facts);
    }
    let metadata = result_metadata(context, task, target.job, videos.duration_ms).await?;
    let (created_at_ms, finished_at_ms) = (*created_at_ms, context.clock.now_ms());
    Ok((Metadata { result, watermark, created_at_ms, finished_at_ms, ..metadata }, parts))
}

async fn open_part<A: Api>(
    context: &StepContext<A>,
    at: &OutputPaths,
    task_id: &str,
    kind: VideoKind,
) -> Result<Part, FetchError> {
    let (at, task_id) = (at.clone(), task_id.to_owned());
    let bytes_max = context.settings.download_bytes_max;
    let open = move || Part::open(&at, PartSource { task_id: &task_id, kind }, bytes_max);
    on_disk(&context.settings, open).await
}
