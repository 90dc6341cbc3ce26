//! What Kling shows of the result of a task, and whether Kling still keeps the result.

use std::path::PathBuf;

use super::FetchError;
use crate::{
    job::{Task, TaskId},
    kling::{Api, ErrorClass, RemoteTask, ResultVideo},
    output::{OutputPaths, VideoKind},
    pipeline::{CallKind, StepContext},
    store::IncompleteDownload,
};

/// Query Task: "generated images/videos will be deleted after 30 days".
const RESULT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The result of a task, as Kling shows it.
pub(super) struct RemoteResult {
    pub(super) video: ResultVideo,
    pub(super) created_at_ms: i64,
    age_ms: i64,
}

impl RemoteResult {
    /// The last poll showed the result: whatever the clocks say, it has not expired.
    pub(super) fn from_last_poll(task: &Task, polled: RemoteTask) -> Option<Self> {
        let created_at_ms = task.made_at_ms(polled.created_at_ms);
        Some(Self { video: polled.videos.into_iter().next()?, created_at_ms, age_ms: 0 })
    }

    /// Asks Kling about the task.
    pub(super) async fn query<A: Api>(
        context: &StepContext<A>,
        task: &Task,
        task_id: &str,
    ) -> Result<Self, FetchError> {
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
        let video = remote.videos.into_iter().next().ok_or_else(no_result)?;
        Ok(Self { video, created_at_ms, age_ms: age_ms(created_at_ms) })
    }

    /// Whether the task is so old that Kling has deleted its result.
    pub(super) const fn is_expired(&self) -> bool {
        self.age_ms > RESULT_KEPT_MS
    }

    /// A result that is not at its URL, or only in part, is waited for, unless the result has expired: then the wait
    /// would never end.
    pub(super) fn or_expired(&self, error: FetchError) -> FetchError {
        match error {
            FetchError::NotFound(_) if self.is_expired() => {
                FetchError::Expired { created_at_ms: self.created_at_ms }
            }
            FetchError::Incomplete { message, .. } if self.is_expired() => {
                FetchError::IncompleteForGood(message)
            }
            error => error,
        }
    }
}

/// One video of a task: where the server has it, and how to ask.
pub(super) struct RemoteVideo<'a> {
    pub(super) task: TaskId,
    pub(super) kind: VideoKind,
    pub(super) url: Option<&'a str>,
    pub(super) referer: Option<&'static str>,
    /// Where an incomplete video is kept.
    pub(super) kept_at: PathBuf,
    /// What arrived before, if that was no complete video.
    pub(super) incomplete: Option<IncompleteDownload>,
}

impl<'a> RemoteVideo<'a> {
    /// Returns one video of a result, asked for without a Referer.
    pub(super) fn of(
        task: &Task,
        kind: VideoKind,
        remote: &'a RemoteResult,
        at: &OutputPaths,
        incomplete: Option<IncompleteDownload>,
    ) -> Self {
        let url = match kind {
            VideoKind::Result => remote.video.url.as_deref(),
            VideoKind::Watermark => remote.video.watermark_url.as_deref(),
        };
        Self { task: task.id, kind, url, referer: None, kept_at: at.incomplete(kind), incomplete }
    }
}
