//! What is in the way of a job's output: looked for before anything is paid for.

use super::{
    context::Context,
    stop::{Stop, on_disk, told},
};
use crate::{
    job::{Delivered, Task, Outcome, outcome::Fault},
    kling::Api,
    output::{self, FileFacts, OutputError},
    store::StoreError,
};

impl<A: Api> Context<A> {
    /// Writes down what stands in the way of a job before it is paid for. A result that is there
    /// already may be another job's by now: then it is in the way as any other file is.
    pub(super) async fn note_in_the_way(
        &self,
        task: &Task,
        outcome: Outcome,
    ) -> Result<Task, StoreError> {
        match self.note(task, outcome, None).await {
            Err(taken @ StoreError::TaskTaken { .. }) => {
                let refused = output_taken(format!("its output is there already: {taken}"));
                self.note(task, refused, None).await
            }
            noted => noted,
        }
    }
}

/// Tells what comes of something in the way of a job's output; none: nothing is.
///
/// A result of this very create may lie there though the database does not know of it: then the
/// database was put back from a backup, and the task is found.
pub(super) async fn check_output<A: Api>(context: &Context<A>, task: &Task) -> Option<Outcome> {
    let (output_dir, wanted) = (context.settings.output_dir.clone(), task.clone());
    let (way, look) = context.room.way(&task.spec.output).await;
    let has_room = look.is_none();
    let checked = on_disk(&context.settings, move || {
        let (place, key) = (way.go(&output_dir)?, &wanted.spec.key);
        match output::free_or_ours(&place, key, wanted.spec.watermark, &earlier(&wanted)) {
            Err(OutputError::Foreign(path)) => {
                let published = output::published_before(&place, key)?;
                Ok((place, Some((path, published))))
            }
            other => {
                other?;
                output::require_names(&place, wanted.spec.watermark)?;
                if !has_room {
                    output::require_room(&place)?;
                }
                Ok((place, None))
            }
        }
    });
    let taken = |message| Some(output_taken(message));
    match checked.await {
        Ok((place, None)) => {
            if let Some(look) = look {
                look.learn(&place);
            }
            None
        }
        // Nothing is paid for what could not be stored.
        Err(Stop::Output(error)) if error.is_passing() => {
            Some(Outcome::Blocked(told(task, error.into())))
        }
        Ok((_, Some((_, Some(published)))))
            if published.external_task_id == task.external_task_id() =>
        {
            Some(Outcome::Found { task_id: published.task_id })
        }
        // So may one of a later attempt, which is the latest that was paid for.
        Ok((_, Some((_, Some(published)))))
            if published.attempt > task.attempt
                && published.external_task_id == task.name_of(published.attempt) =>
        {
            Some(Outcome::Published { task_id: published.task_id, attempt: published.attempt })
        }
        Ok((_, Some((path, Some(published))))) => taken(format!(
            "{} is there already, made for this job by task {}, which this database does not know. To \
             pay for another, move it away and type `lipsyncd retry {}`",
            path.display(),
            published.task_id,
            task.spec.key
        )),
        Ok((_, Some((path, None)))) => taken(in_the_way(&OutputError::Foreign(path), task)),
        Err(Stop::Output(error)) => taken(in_the_way(&error, task)),
        Err(Stop::Api(error) | Stop::NotThere(error)) => taken(error.message),
        Err(stop @ Stop::Gone { .. }) => taken(told(task, stop).message),
        Err(Stop::Other { message, .. }) => taken(message),
    }
}

/// The end of a job whose place is another's.
fn output_taken(message: String) -> Outcome {
    Outcome::Refused(Fault { code: "output_taken".to_owned(), message })
}

fn in_the_way(error: &OutputError, task: &Task) -> String {
    format!(
        "{error}: move it away or give the job another `output`, then type `lipsyncd retry {}`",
        task.spec.key
    )
}

/// The file that an earlier attempt of this job published.
pub(super) fn earlier(task: &Task) -> Vec<FileFacts> {
    let facts =
        |result: &Delivered| FileFacts { sha256: result.sha256.clone(), bytes: result.bytes };
    task.result.iter().map(facts).collect()
}
