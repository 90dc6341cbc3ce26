//! Learning, once an account, whether it answers lookups by `external_task_id`: from the first task
//! that was accepted cleanly.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{context::Context, pace::Kind};
use crate::{
    job::Task,
    kling::{Api, Meaning},
    store::{Lookups, StoreError},
};

/// How long to wait between two lookups of a task that is known to exist.
const BETWEEN: Duration = Duration::from_secs(1);
/// A new task may become visible late; only what stays unseen for so long counts as unanswered.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks up a task that certainly exists by its other name.
pub(super) async fn learn_lookups<A: Api>(
    context: &Context<A>,
    task: &Task,
) -> Result<(), StoreError> {
    let began = Instant::now();
    loop {
        context.pace.ready(Kind::Query).await;
        match context.api.task(&task.external_task_id()).await.result {
            Ok(remote) if Some(&remote.task_id) == task.task_id.as_ref() => {
                return context.learn_lookups(Lookups::Answered).await;
            }
            Ok(_) => return Ok(()),
            Err(error) if matches!(error.meaning, Meaning::NotFound | Meaning::BadRequest) => {
                if began.elapsed() >= PATIENCE {
                    return conclude(context, task).await;
                }
            }
            // Any other failure teaches nothing; the next task may.
            Err(error) => {
                if error.meaning == Meaning::TooFast {
                    context.pace.slow_down(error.retry_after_ms);
                }
                return Ok(());
            }
        }
        sleep(BETWEEN).await;
    }
}

/// What a task teaches that was never found by its name: nothing, if it is not found by its id either.
async fn conclude<A: Api>(context: &Context<A>, task: &Task) -> Result<(), StoreError> {
    let Some(task_id) = &task.task_id else { return Ok(()) };
    context.pace.ready(Kind::Query).await;
    match context.api.task(task_id).await.result {
        Ok(remote) if remote.task_id == *task_id => {
            context.learn_lookups(Lookups::Unanswered).await
        }
        _ => Ok(()),
    }
}
