//! Asks Kling for the result of a task, and decides whether Kling still keeps the result.

use super::{
    context::Context,
    pace::Kind as Call,
    stop::{Stop, no_result},
};
use crate::{
    job::Task,
    kling::{Api, ErrorClass, RemoteTask, ResultVideo},
};

/// Query Task: "generated images/videos will be deleted after 30 days".
const RESULT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// What a task made, when Kling made the task, and how long ago that was.
pub(super) struct Made {
    pub(super) videos: ResultVideo,
    pub(super) at_ms: i64,
    age_ms: i64,
}

impl Made {
    /// The last query showed the result: whatever the clocks say, it is not too old.
    pub(super) fn seen_just_now(task: &Task, remote: RemoteTask) -> Option<Self> {
        let at_ms = task.made_at_ms(remote.created_at_ms);
        Some(Self { videos: remote.videos.into_iter().next()?, at_ms, age_ms: 0 })
    }

    /// A result that is not where the API just said is waited for, unless it is so old that it is not
    /// kept any more: waiting would never end.
    pub(super) fn gone_by_now(&self, stop: Stop) -> Stop {
        match stop {
            Stop::NotThere(_) if self.age_ms > RESULT_KEPT_MS => {
                Stop::Gone { made_at_ms: self.at_ms }
            }
            stop => stop,
        }
    }
}

/// The result as the API names it now, and how old its task is.
pub(super) async fn ask_for_result<A: Api>(
    context: &Context<A>,
    task: &Task,
    task_id: &str,
) -> Result<Made, Stop> {
    context.pace.ready(Call::Query).await;
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
            return Err(match error.class == ErrorClass::NotFound && is_old {
                true => Stop::Gone { made_at_ms },
                false => Stop::Api(error),
            });
        }
    };
    if remote.task_id != task_id {
        return Err(no_result("is about another task"));
    }
    let at_ms = task.made_at_ms(remote.created_at_ms);
    let video = remote.videos.into_iter().next().ok_or_else(|| no_result("names no result"))?;
    Ok(Made { videos: video, at_ms, age_ms: age_ms(at_ms) })
}
