//! Looks up unresolved tasks again whenever more may be known, so that a person is asked only if necessary.

use super::{
    Conclusion, Inquiry, inquire, learn_again, oldest_ms, outcome_of_unresolved, task_list,
};
use crate::{
    job::{State, Task},
    kling::{Api, ApiError},
    pipeline::{AccountSignal, StepContext},
    store::StoreError,
};

/// The most unresolved tasks that one step looks up.
const TASKS_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct LookupSummary {
    /// The tasks that are no longer unresolved.
    pub(crate) moved: Vec<Task>,
    /// How many tasks still are.
    pub(crate) left: usize,
    /// A call failed; it is tried again soon.
    pub(crate) is_failed: bool,
    pub(crate) signal: Option<AccountSignal>,
}

/// Reads the list once, asks for each unresolved task, and keeps which tasks at Kling it could be.
pub(crate) async fn look_up<A: Api>(context: &StepContext<A>) -> Result<LookupSummary, StoreError> {
    let mut summary = LookupSummary::default();
    let tasks = context.store.due_in_state(State::Unresolved, i64::MAX, 0, TASKS_MAX).await?;
    let Some(since_ms) = tasks.iter().map(oldest_ms).min() else { return Ok(summary) };
    summary.left = tasks.len();
    learn_again(context).await?;
    let listing = match task_list::read(context, since_ms).await {
        Ok(listing) => listing,
        Err(error) => return Ok(failed(summary, &error)),
    };
    if !listing.is_complete {
        tracing::warn!(
            tasks = listing.tasks.len(),
            "the list of the account's tasks could not be read to its end: it may have more that are those of unresolved jobs"
        );
    }
    for task in tasks {
        let Inquiry { conclusion, answer, candidates, .. } =
            inquire(context, &task, Some(&listing)).await?;
        if let Conclusion::Failed(_, signal) = &conclusion {
            summary.is_failed = true;
            summary.signal = summary.signal.or(signal.clone());
        }
        let Some(outcome) = outcome_of_unresolved(conclusion, &task) else {
            if let Some((candidates, listed)) = candidates {
                context.store.set_candidates(task.id, candidates, listed).await?;
            }
            continue;
        };
        match context.record(&task, outcome, answer).await {
            Ok(task) => summary.moved.push(task),
            // A person decided in the meantime.
            Err(StoreError::Stale { .. } | StoreError::TaskTaken { .. }) => {}
            Err(error) => return Err(error),
        }
        summary.left -= 1;
    }
    Ok(summary)
}

fn failed(summary: LookupSummary, error: &ApiError) -> LookupSummary {
    let ApiError { code, request_id, .. } = error;
    tracing::warn!(
        code,
        request_id,
        "cannot list the account's tasks to find those of unresolved jobs: {error}"
    );
    LookupSummary { is_failed: true, signal: AccountSignal::of_query(error), ..summary }
}
