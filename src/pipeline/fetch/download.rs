//! The step that downloads the result of a task to its first file.

use super::{FetchError, KnownResult, Target, fetch_result, to_transient_error};
use crate::{
    job::{
        Outcome, State, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::{Api, RemoteTask},
    pipeline::{StepContext, StepEnd},
    store::StoreError,
};

/// Downloads the result of a task. `polled` is what the last poll showed of it.
pub(crate) async fn download<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    polled: Option<RemoteTask>,
) -> Result<StepEnd, StoreError> {
    // Read again: the lead job may point to another task by now.
    let (task, incomplete) = match context.store.task_to_download(task.id).await? {
        Some((now, incomplete)) if now.state == State::Downloading => (now, incomplete),
        _ => return Err(StoreError::Stale { key: task.spec.key.clone() }),
    };
    let counted = context.settings.metrics.start_download();
    let known = KnownResult { polled, incomplete };
    let fetched = fetch_result(context, &task, Target::of_task(&task), known).await;
    let (outcome, signal) = match fetched {
        Ok(None) => return Err(StoreError::Stale { key: task.spec.key }),
        Ok(Some((delivered, moved))) => {
            context.store.record_moved(moved).await?;
            (Outcome::Delivered(delivered), None)
        }
        Err(error @ (FetchError::Expired { .. } | FetchError::IncompleteForGood(_))) => {
            let TransientError { code, message, .. } = to_transient_error(&task, error);
            (Outcome::Refused(PermanentError { code, message }), None)
        }
        Err(FetchError::Output(error)) if error.is_passing() => {
            (Outcome::OutputBlocked(to_transient_error(&task, error.into())), None)
        }
        Err(error) => {
            let signal = error.signal();
            (Outcome::TransientError(to_transient_error(&task, error)), signal)
        }
    };
    match &outcome {
        Outcome::Delivered(_) => counted.succeeded(),
        _ => counted.failed(),
    }
    Ok(StepEnd::new(context.record(&task, outcome, None).await?, signal))
}
