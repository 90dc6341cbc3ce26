//! Asks Kling for the result of a task, and decides whether Kling still keeps the result.

use super::fetch_error::FetchError;
use crate::{
    job::Task,
    kling::{Api, ErrorClass, RemoteTask, ResultVideo},
    pipeline::{context::StepContext, limits::rate::CallKind},
};

/// Query Task: "generated images/videos will be deleted after 30 days".
const RESULT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The result of a task as Kling shows it.
pub(super) struct RemoteResult {
    pub(super) videos: ResultVideo,
    pub(super) created_at_ms: i64,
    age_ms: i64,
}

impl RemoteResult {
    /// The last poll showed the result: whatever the clocks say, it has not expired.
    pub(super) fn from_last_poll(task: &Task, polled: RemoteTask) -> Option<Self> {
        let created_at_ms = task.made_at_ms(polled.created_at_ms);
        Some(Self { videos: polled.videos.into_iter().next()?, created_at_ms, age_ms: 0 })
    }

    /// A result that is not at its URL is waited for, unless the task is so old that the result has expired: then the
    /// wait would never end.
    pub(super) fn or_expired(&self, error: FetchError) -> FetchError {
        match error {
            FetchError::NotFound(_) if self.age_ms > RESULT_KEPT_MS => {
                FetchError::Expired { created_at_ms: self.created_at_ms }
            }
            error => error,
        }
    }
}

/// Asks Kling for the result of a task.
pub(super) async fn query_result<A: Api>(
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
