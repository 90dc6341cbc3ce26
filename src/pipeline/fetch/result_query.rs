//! Asks Kling for the result of a task, and decides whether Kling still keeps the result.

use crate::{
    job::Task,
    kling::{Api, ErrorClass, RemoteTask, ResultVideo},
    pipeline::{
        context::StepContext,
        fetch::fetch_error::{FetchError, no_result},
        limits::rate::CallKind as Call,
    },
};

/// Query Task: "generated images/videos will be deleted after 30 days".
const RESULT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// What a task made, when Kling made the task, and how long ago that was.
pub(crate) struct RemoteResult {
    pub(crate) videos: ResultVideo,
    pub(crate) at_ms: i64,
    age_ms: i64,
}

impl RemoteResult {
    /// The last query showed the result: whatever the clocks say, it is not too old.
    pub(crate) fn from_last_poll(task: &Task, remote: RemoteTask) -> Option<Self> {
        let at_ms = task.made_at_ms(remote.created_at_ms);
        Some(Self { videos: remote.videos.into_iter().next()?, at_ms, age_ms: 0 })
    }

    /// A result that is not where the API just said is waited for, unless it is so old that it is not
    /// kept any more: waiting would never end.
    pub(crate) fn or_expired(&self, stop: FetchError) -> FetchError {
        match stop {
            FetchError::NotThere(_) if self.age_ms > RESULT_KEPT_MS => {
                FetchError::Gone { made_at_ms: self.at_ms }
            }
            stop => stop,
        }
    }
}

/// The result as the API names it now, and how old its task is.
pub(crate) async fn query_result<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    task_id: &str,
) -> Result<RemoteResult, FetchError> {
    context.rate.ready(Call::Query).await;
    let reply = context.api.task(task_id).await;
    // Of all times, those that make the task youngest: either clock may be wrong.
    let now_ms = context.clock.now_ms();
    let now_ms = now_ms.min(reply.answer.server_at_ms.unwrap_or(now_ms));
    let sent_at_ms = task.create.as_ref().map_or(i64::MIN, |create| create.first_sent_at_ms);
    let age_ms = |at_ms: i64| now_ms.saturating_sub(at_ms.max(sent_at_ms));
    let remote = match reply.result {
        Ok(remote) => remote,
        Err(error) => {
            let made_at_ms = task.made_at_ms(None);
            let is_old = age_ms(made_at_ms) > RESULT_KEPT_MS;
            return Err(match error.meaning == ErrorClass::NotFound && is_old {
                true => FetchError::Gone { made_at_ms },
                false => FetchError::Api(error),
            });
        }
    };
    if remote.task_id != task_id {
        return Err(no_result("is about another task"));
    }
    let at_ms = task.made_at_ms(remote.created_at_ms);
    let video = remote.videos.into_iter().next().ok_or_else(|| no_result("names no result"))?;
    Ok(RemoteResult { videos: video, at_ms, age_ms: age_ms(at_ms) })
}
