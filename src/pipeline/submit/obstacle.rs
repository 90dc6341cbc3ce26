//! Decides about a task whose output is not free before the task is paid for.

use super::{LaterTake, find_later_take, lookup_failed};
use crate::{
    job::{Outcome, Task},
    kling::Api,
    pipeline::{Obstacle, StepContext, StepEnd, output_taken},
    store::{DetachReason, StoreError},
};

/// Records what keeps a task from starting, or makes the task use the result that is there.
pub(crate) async fn record<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    found: Obstacle,
) -> Result<StepEnd, StoreError> {
    let outcome = match found {
        Obstacle::Outcome(outcome) => outcome,
        Obstacle::LaterTake(take) => {
            let (moment, policy) = (context.clock.moment(), context.settings.policy.clone());
            let moved = context.store.move_to_take(task.clone(), take, moment, policy).await?;
            return Ok(StepEnd::transferred(moved));
        }
    };
    // Kling may have later takes that are not on disk yet.
    if let Outcome::ResultOnDisk { .. } = &outcome {
        match find_later_take(context, task).await? {
            LaterTake::Moved(task) => return Ok(StepEnd::transferred(task)),
            LaterTake::Failed(error, signal) => {
                let (outcome, signal) = lookup_failed(error, signal);
                return Ok(StepEnd::new(context.record(task, outcome, None).await?, signal));
            }
            LaterTake::None => {}
        }
    }
    // The output of the lead job is no obstacle for the other jobs of the task.
    if let Outcome::Refused(error) = &outcome
        && context.store.is_shared(task).await?
    {
        let task = context.detach_lead(task, DetachReason::Failed(error.clone())).await?;
        return Ok(StepEnd::new(task, None));
    }
    let task = match context.record(task, outcome, None).await {
        // The result on disk belongs to another task by now: it is in the way like any other file.
        Err(taken @ StoreError::TaskTaken { .. }) => {
            let refused = output_taken(format!("the output file exists already: {taken}"));
            context.record(task, refused, None).await?
        }
        recorded => recorded?,
    };
    Ok(StepEnd::new(task, None))
}
