//! The first create request of a task: everything local is checked, and Kling is asked by name, while it is free
//! to find out that nothing must be sent.

use tokio::time::Instant;

use super::{
    Gate, LOOKUP_AGE_MAX,
    earlier_task::follow_earlier,
    first_lookup::find,
    send::{Sending, send},
};
use crate::{
    job::Task,
    kling::{Api, AudioSource},
    pipeline::{
        context::Context,
        in_the_way::{InTheWay, check_output},
        local::{check_video, load_audio},
        pace::Kind,
        step::StepEnd,
    },
    store::{DetachReason, StoreError},
};

/// So often a lookup is repeated because it took too long. Where every lookup does, because so few queries a second
/// are allowed, the last one counts.
const LOOKUPS_MAX: usize = 3;

/// Writes the create request of an identified task and sends it, unless Kling has the task already.
pub(in crate::pipeline) async fn create<A: Api>(
    context: &Context<A>,
    task: Task,
    gate: &Gate,
) -> Result<StepEnd, StoreError> {
    let audio = match ready(context, &task).await {
        Ok(audio) => audio,
        Err(NotReady::MediaChanged(what)) => {
            let task = context.detach_lead(&task, DetachReason::MediaChanged(what)).await?;
            return Ok(StepEnd::new(task, None));
        }
        Err(NotReady::InTheWay(found)) => {
            return context.note_in_the_way(&task, found).await;
        }
        Err(NotReady::Store(error)) => return Err(error),
    };
    context.pace.ready(Kind::Create).await;
    if !gate.is_open() {
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
        if !gate.is_open() {
            return Ok(StepEnd::new(task, None));
        }
        if asked_at.elapsed() <= LOOKUP_AGE_MAX {
            break;
        }
    }
    send(context, Sending::First { task, audio }, gate).await
}

/// Looks at everything local once more, while it is still free to say no.
async fn ready<A: Api>(context: &Context<A>, task: &Task) -> Result<AudioSource, NotReady> {
    check_video(&context.settings, task).await.map_err(NotReady::MediaChanged)?;
    let audio = load_audio(&context.settings, task).await.map_err(NotReady::MediaChanged)?;
    match check_output(context, task).await {
        Ok(None) => Ok(audio),
        Ok(Some(found)) => Err(NotReady::InTheWay(found)),
        Err(error) => Err(NotReady::Store(error)),
    }
}

/// Why a create request is not sent.
enum NotReady {
    /// A local file has other content by now.
    MediaChanged(String),
    /// Something is at the place of its output.
    InTheWay(InTheWay),
    /// The database failed.
    Store(StoreError),
}
