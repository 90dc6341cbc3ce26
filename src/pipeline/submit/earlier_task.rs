//! The task that a job had before a retry: if Kling shows it after all, its result is used and nothing is paid.

use crate::{
    job::{Outcome, Task},
    kling::{Api, ErrorClass, TaskStatus},
    pipeline::{AccountSignal, CallKind, StepContext, StepEnd, transient_error},
    store::StoreError,
};

/// Asks for the earlier task of the lead job, if that task failed only because Kling did not show it. Returns none if
/// there is no such task, or Kling still does not show it.
pub(super) async fn follow_earlier<A: Api>(
    context: &StepContext<A>,
    task: &Task,
) -> Result<Option<StepEnd>, StoreError> {
    if !task.has_earlier_task {
        return Ok(None);
    }
    let Some(earlier) = context.store.lost_earlier_task(task).await? else { return Ok(None) };
    let Some(task_id) = earlier.task_id.clone() else { return Ok(None) };
    context.rate.ready(CallKind::Query).await;
    match context.api.task(&task_id).await.result {
        Ok(remote) if remote.task_id == task_id && remote.status != TaskStatus::Failed => {
            let (moment, policy) = (context.clock.moment(), context.settings.policy.clone());
            let task =
                context.store.follow_earlier(task.clone(), earlier.id, moment, policy).await?;
            Ok(Some(StepEnd::transferred(task)))
        }
        Ok(_) => Ok(None),
        Err(error)
            if matches!(
                error.class,
                ErrorClass::NotFound | ErrorClass::BadRequest | ErrorClass::Empty
            ) =>
        {
            Ok(None)
        }
        Err(error) => {
            let signal = AccountSignal::of_query(&error);
            let outcome = match &signal {
                Some(_) => Outcome::Deferred(error.message),
                None => Outcome::TransientError(transient_error(&error)),
            };
            Ok(Some(StepEnd::new(context.record(task, outcome, None).await?, signal)))
        }
    }
}
