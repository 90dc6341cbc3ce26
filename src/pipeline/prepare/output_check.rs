//! What is in the way of a task's output: looked for before anything is paid for.

use crate::{
    job::{Outcome, Task, outcome::PermanentError},
    kling::Api,
    output::{self, FileFacts, OutputError},
    pipeline::{
        context::StepContext,
        fetch::fetch_error::{FetchError, on_disk, to_transient_error},
        step::{AccountSignal, StepEnd},
        submit::first_lookup::{LaterTake, later, later_take},
    },
    store::{LeadLost, StoreError},
};

/// What is found at the place of a task's first file.
pub(crate) enum Obstacle {
    /// The task cannot start, or its result is there already.
    Outcome(Outcome),
    /// The result of a later take of the same request: the database was lost or put back from a backup.
    LaterTake(u32),
}

impl<A: Api> StepContext<A> {
    /// Writes what is in the way of a task before it is paid for. A result that is there already may be
    /// another task's by now: then it is in the way as any other file is.
    pub(crate) async fn record_obstacle(
        &self,
        task: &Task,
        found: Obstacle,
    ) -> Result<StepEnd, StoreError> {
        let transferred = |task| StepEnd::new(task, Some(AccountSignal::Transferred));
        let outcome = match found {
            Obstacle::Outcome(outcome) => outcome,
            Obstacle::LaterTake(take) => {
                let (moment, policy) = (self.clock.moment(), self.settings.policy.clone());
                let moved = self.store.move_to_take(task.clone(), take, moment, policy).await?;
                return Ok(transferred(moved));
            }
        };
        // Later takes may be at Kling, and not on disk yet.
        if let Outcome::ResultOnDisk { .. } = &outcome {
            match later_take(self, task).await? {
                LaterTake::Moved(task) => return Ok(transferred(task)),
                LaterTake::Failed(transient_error, signal) => {
                    let (outcome, signal) = later(transient_error, signal);
                    return Ok(StepEnd::new(self.record(task, outcome, None).await?, signal));
                }
                LaterTake::None => {}
            }
        }
        // The place of one job says nothing of the others that share its task.
        if let Outcome::Refused(permanent_error) = &outcome
            && self.store.is_shared(task).await?
        {
            let task = self.detach_lead(task, LeadLost::Failed(permanent_error.clone())).await?;
            return Ok(StepEnd::new(task, None));
        }
        let task = match self.record(task, outcome, None).await {
            Err(taken @ StoreError::TaskTaken { .. }) => {
                let refused = output_taken(format!("its output is there already: {taken}"));
                self.record(task, refused, None).await?
            }
            noted => noted?,
        };
        Ok(StepEnd::new(task, None))
    }
}

/// Returns what is in the way of a task's first file; none: nothing is.
///
/// The result of this very request may be there though the database does not know of it: then the database was
/// lost or put back from a backup, and the metadata name the task. A later take than a certain one that is asked for is
/// an earlier result, which is set aside.
///
/// # Errors
/// When the database fails.
pub(crate) async fn check_output<A: Api>(
    context: &StepContext<A>,
    task: &Task,
) -> Result<Option<Obstacle>, StoreError> {
    let found = look(context, task, u32::MAX).await;
    if matches!(found, Some(Obstacle::LaterTake(_))) && !context.store.is_take_open(task).await? {
        return Ok(look(context, task, task.take).await);
    }
    Ok(found)
}

/// The same; results of takes after `take_max` are not asked about.
async fn look<A: Api>(context: &StepContext<A>, task: &Task, take_max: u32) -> Option<Obstacle> {
    let (output_dir, wanted) = (context.settings.output_dir.clone(), task.clone());
    let (way, look) = context.folder_cache.way(&task.spec.output).await;
    let has_room = look.is_none();
    let checked = on_disk(&context.settings, move || {
        let place = way.go(&output_dir)?;
        let watermark = wanted.spec.watermark;
        if let Some(published) = output::published_before(&place)?
            && published.request_hash == wanted.request_hash
            && (wanted.take..=take_max).contains(&published.take)
        {
            return Ok((place, Some(published)));
        }
        output::free_or_ours(&place, watermark, &earlier(&wanted))?;
        output::require_names(&place, watermark)?;
        if !has_room {
            output::require_writable(&place)?;
        }
        Ok((place, None))
    });
    let taken = |message| Some(Obstacle::Outcome(output_taken(message)));
    match checked.await {
        Ok((place, None)) => {
            if let Some(look) = look {
                look.learn(&place);
            }
            None
        }
        Ok((_, Some(published))) if published.take == task.take => {
            Some(Obstacle::Outcome(Outcome::ResultOnDisk { task_id: published.task_id }))
        }
        Ok((_, Some(published))) => Some(Obstacle::LaterTake(published.take)),
        // Nothing is paid for what could not be stored.
        Err(FetchError::Output(error)) if error.is_passing() => {
            Some(Obstacle::Outcome(Outcome::Blocked(to_transient_error(task, error.into()))))
        }
        Err(FetchError::Output(error)) => taken(obstacle_message(&error, task)),
        Err(FetchError::Api(error) | FetchError::NotThere(error)) => taken(error.message),
        Err(stop @ FetchError::Gone { .. }) => taken(to_transient_error(task, stop).message),
        Err(FetchError::Other { message, .. }) => taken(message),
    }
}

/// The end of a task whose place is another's.
fn output_taken(message: String) -> Outcome {
    Outcome::Refused(PermanentError { code: "output_taken".to_owned(), message })
}

fn obstacle_message(error: &OutputError, task: &Task) -> String {
    format!(
        "{error}: move it away or give the job another `output`, then type `lipsyncd retry {}`",
        task.spec.key
    )
}

/// The file that the lead job has by now.
pub(crate) fn earlier(task: &Task) -> Vec<FileFacts> {
    let facts =
        |(sha256, bytes): &(String, u64)| FileFacts { sha256: sha256.clone(), bytes: *bytes };
    task.lead_file.iter().map(facts).collect()
}
