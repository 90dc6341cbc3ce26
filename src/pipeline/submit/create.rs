//! The first create request of a task: everything local is checked, and Kling is asked by name, while it is free
//! to find out that nothing must be sent.

use tokio::time::Instant;

use super::{
    LOOKUP_AGE_MAX, PaidCallPermit,
    earlier_task::follow_earlier,
    first_lookup::find,
    send::{Sending, send},
};
use crate::{
    job::Task,
    kling::{Api, AudioSource},
    pipeline::{
        context::StepContext,
        limits::rate::CallKind,
        prepare::local_media::{check_video, load_audio},
        prepare::output_check::{Obstacle, check_output},
        step::StepEnd,
    },
    store::{LeadLost, StoreError},
};

/// So often a lookup is repeated because it took too long. Where every lookup does, because so few queries a second
/// are allowed, the last one counts.
const LOOKUPS_MAX: usize = 3;

/// Writes the create request of an identified task and sends it, unless Kling has the task already.
pub(crate) async fn create<A: Api>(
    context: &StepContext<A>,
    task: Task,
    permit: &PaidCallPermit,
) -> Result<StepEnd, StoreError> {
    let audio = match ready(context, &task).await {
        Ok(audio) => audio,
        Err(NotReady::MediaChanged(what)) => {
            let task = context.detach_lead(&task, LeadLost::MediaChanged(what)).await?;
            return Ok(StepEnd::new(task, None));
        }
        Err(NotReady::Obstacle(found)) => {
            return context.record_obstacle(&task, found).await;
        }
        Err(NotReady::Store(error)) => return Err(error),
    };
    context.rate.ready(CallKind::Create).await;
    if !permit.is_open() {
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
        if !permit.is_open() {
            return Ok(StepEnd::new(task, None));
        }
        if asked_at.elapsed() <= LOOKUP_AGE_MAX {
            break;
        }
    }
    send(context, Sending::First { task, audio }, permit).await
}

/// Looks at everything local once more, while it is still free to say no.
async fn ready<A: Api>(context: &StepContext<A>, task: &Task) -> Result<AudioSource, NotReady> {
    check_video(&context.settings, task).await.map_err(NotReady::MediaChanged)?;
    let audio = load_audio(&context.settings, task).await.map_err(NotReady::MediaChanged)?;
    match check_output(context, task).await {
        Ok(None) => Ok(audio),
        Ok(Some(found)) => Err(NotReady::Obstacle(found)),
        Err(error) => Err(NotReady::Store(error)),
    }
}

/// Why a create request is not sent.
enum NotReady {
    /// A local file has other content by now.
    MediaChanged(String),
    /// Something is at the place of its output.
    Obstacle(Obstacle),
    /// The database failed.
    Store(StoreError),
}
