//! The first create request of a task. While it is still free to send nothing, everything local is checked, and Kling is
//! asked whether it has the task.

use std::sync::Arc;

use tokio::time::Instant;

use super::{LOOKUP_AGE_MAX, Sending, find, follow_earlier, obstacle, send};
use crate::{
    job::Task,
    kling::{Api, AudioSource},
    pipeline::{
        CallKind, Obstacle, PaidCallPermit, StepContext, StepEnd, check_output, check_video,
        load_audio,
    },
    store::{DetachReason, StoreError},
};

/// The most lookups: one that took too long is repeated. If every lookup does, because few queries per second are
/// allowed, the last one counts.
const LOOKUPS_MAX: usize = 3;

/// Records the create request of an identified task and sends it, unless Kling has the task already.
pub(crate) async fn create<A: Api>(
    context: &StepContext<A>,
    task: Arc<Task>,
    permit: &PaidCallPermit,
) -> Result<StepEnd, StoreError> {
    let audio = match check_local(context, &task).await? {
        Local::Ready(audio) => audio,
        Local::MediaChanged(what) => {
            let task = context.detach_lead(&task, DetachReason::MediaChanged(what)).await?;
            return Ok(StepEnd::new(task, None));
        }
        Local::Obstacle(found) => {
            // Boxed, because it is rare: the future of each step would keep space for it.
            return Box::pin(obstacle::record(context, &task, found)).await;
        }
    };
    context.rate.ready(CallKind::Create).await;
    if !permit.allows_call() {
        return Ok(StepEnd::new(task, None));
    }
    if let Some(end) = follow_earlier(context, &task).await? {
        return Ok(end);
    }
    for _ in 0..LOOKUPS_MAX {
        let asked_at = Instant::now();
        if let Some(end) = find(context, &task).await? {
            return Ok(end);
        }
        if !permit.allows_call() {
            return Ok(StepEnd::new(task, None));
        }
        // Another host may have created the task since an old lookup.
        if asked_at.elapsed() <= LOOKUP_AGE_MAX {
            break;
        }
    }
    send(context, Sending::First { task, audio }, permit).await
}

enum Local {
    Ready(AudioSource),
    /// A local file has other content than it had when it was measured.
    MediaChanged(String),
    Obstacle(Obstacle),
}

async fn check_local<A: Api>(context: &StepContext<A>, task: &Task) -> Result<Local, StoreError> {
    if let Err(what) = check_video(&context.settings, task).await {
        return Ok(Local::MediaChanged(what));
    }
    let audio = match load_audio(&context.settings, task).await {
        Ok(audio) => audio,
        Err(what) => return Ok(Local::MediaChanged(what)),
    };
    Ok(match check_output(context, task).await? {
        Some(found) => Local::Obstacle(found),
        None => Local::Ready(audio),
    })
}
