//! Downloads the videos of a task to part files, and decides whether Kling still keeps them.

use super::{FetchError, Target, fetch_file, on_disk};
use crate::{
    job::Task,
    kling::{Api, ErrorClass, RemoteTask, ResultVideo},
    output::{Metadata, OutputPaths, Part, PartSource, VideoKind},
    pipeline::{CallKind, StepContext},
};

/// Query Task: "generated images/videos will be deleted after 30 days".
const RESULT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

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
    let (face, spec) = context.store.face_and_spec(task, target.job).await?;
    let metadata = Metadata {
        result,
        watermark,
        duration_ms: videos.duration_ms,
        created_at_ms: *created_at_ms,
        finished_at_ms: context.clock.now_ms(),
        ..Metadata::of_task(task, face).of_job(&spec)
    };
    Ok((metadata, parts))
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

struct RemoteResult {
    videos: ResultVideo,
    created_at_ms: i64,
    age_ms: i64,
}

impl RemoteResult {
    /// The last poll showed the result: whatever the clocks say, it has not expired.
    fn from_last_poll(task: &Task, polled: RemoteTask) -> Option<Self> {
        let created_at_ms = task.made_at_ms(polled.created_at_ms);
        Some(Self { videos: polled.videos.into_iter().next()?, created_at_ms, age_ms: 0 })
    }

    /// A result that is not at its URL is waited for, unless the task is so old that the result has expired: then the
    /// wait would never end.
    fn or_expired(&self, error: FetchError) -> FetchError {
        match error {
            FetchError::NotFound(_) if self.age_ms > RESULT_KEPT_MS => {
                FetchError::Expired { created_at_ms: self.created_at_ms }
            }
            error => error,
        }
    }
}

async fn query_result<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    task_id: &str,
) -> Result<RemoteResult, FetchError> {
    context.rate.ready(CallKind::Query).await;
    let reply = context.api.task(task_id).await;
    // Either clock may be wrong, so the times count that make the task youngest.
    let now_ms = context.clock.now_ms();
    let now_ms = now_ms.min(reply.answer.server_at_ms.unwrap_or(now_ms));
    let sent_at_ms = task.create.as_ref().map_or(i64::MIN, |create| create.first_sent_at_ms);
    let age_ms = |at_ms: i64| now_ms.saturating_sub(at_ms.max(sent_at_ms));
    let remote = match reply.result {
        Ok(remote) => remote,
        Err(error) => {
            let created_at_ms = task.made_at_ms(None);
            let is_old = age_ms(created_at_ms) > RESULT_KEPT_MS;
            return Err(match error.class == ErrorClass::NotFound && is_old {
                true => FetchError::Expired { created_at_ms },
                false => FetchError::Api(error),
            });
        }
    };
    if remote.task_id != task_id {
        return Err(FetchError::no_result("is about another task"));
    }
    let created_at_ms = task.made_at_ms(remote.created_at_ms);
    let no_result = || FetchError::no_result("has no result");
    let videos = remote.videos.into_iter().next().ok_or_else(no_result)?;
    Ok(RemoteResult { videos, created_at_ms, age_ms: age_ms(created_at_ms) })
}
