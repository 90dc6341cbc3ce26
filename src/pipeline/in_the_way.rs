//! What is in the way of a job's output: looked for before anything is paid for.

use super::{
    context::Context,
    stop::{Stop, on_disk, told},
};
use crate::{
    job::{Delivered, Job, Outcome, outcome::Fault},
    kling::Api,
    output::{self, FileFacts, Metadata, OutputError},
    store::StoreError,
};

impl<A: Api> Context<A> {
    /// Writes down what stands in the way of a job before it is paid for. A result that is there
    /// already may be another job's by now: then it is in the way as any other file is.
    pub(super) async fn note_in_the_way(
        &self,
        job: &Job,
        outcome: Outcome,
    ) -> Result<Job, StoreError> {
        match self.note(job, outcome, None).await {
            Err(taken @ StoreError::TaskTaken { .. }) => {
                let refused = output_taken(format!("its output is there already: {taken}"));
                self.note(job, refused, None).await
            }
            noted => noted,
        }
    }
}

/// Tells what comes of something in the way of a job's output; none: nothing is.
///
/// A result of this very create may lie there though the database does not know of it: then the
/// database was put back from a backup, and the task is found.
pub(super) async fn check_output<A: Api>(context: &Context<A>, job: &Job) -> Option<Outcome> {
    let (output_dir, wanted) = (context.settings.output_dir.clone(), job.clone());
    let (way, look) = context.room.way(&job.spec.output).await;
    let has_room = look.is_none();
    let checked = on_disk(&context.settings, move || {
        let (place, key) = (way.go(&output_dir)?, &wanted.spec.key);
        let published = output::published_before(&place)?;
        if let Some(published) = published.filter(|it| it.job == *key && is_paid(&wanted, it)) {
            return Ok((place.clone(), Some((place.metadata(), Some(published)))));
        }
        match output::free_or_ours(&place, wanted.spec.watermark, &earlier(&wanted)) {
            Err(OutputError::Foreign(path)) => Ok((place, Some((path, None)))),
            other => {
                other?;
                output::require_names(&place, wanted.spec.watermark)?;
                if !has_room {
                    output::require_writable(&place)?;
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
            Some(Outcome::Blocked(told(job, error.into())))
        }
        Ok((_, Some((_, Some(published)))))
            if published.external_task_id == job.external_task_id() =>
        {
            Some(Outcome::Found { task_id: published.task_id })
        }
        // A later attempt of the job is the latest that was paid for.
        Ok((_, Some((_, Some(published))))) => {
            Some(Outcome::Published { task_id: published.task_id, attempt: published.take })
        }
        Ok((_, Some((path, None)))) => taken(in_the_way(&OutputError::Foreign(path), job)),
        Err(Stop::Output(error)) => taken(in_the_way(&error, job)),
        Err(Stop::Api(error) | Stop::NotThere(error)) => taken(error.message),
        Err(stop @ Stop::Gone { .. }) => taken(told(job, stop).message),
        Err(Stop::Other { message, .. }) => taken(message),
    }
}

/// Whether the result is from this create, or from a later attempt of the job.
fn is_paid(job: &Job, published: &Metadata) -> bool {
    published.external_task_id == job.external_task_id()
        || published.take > job.attempt && published.external_task_id == job.name_of(published.take)
}

/// The end of a job whose place is another's.
fn output_taken(message: String) -> Outcome {
    Outcome::Refused(Fault { code: "output_taken".to_owned(), message })
}

fn in_the_way(error: &OutputError, job: &Job) -> String {
    format!(
        "{error}: move it away or give the job another `output`, then type `lipsyncd retry {}`",
        job.spec.key
    )
}

/// The file that an earlier attempt of this job published.
pub(super) fn earlier(job: &Job) -> Vec<FileFacts> {
    let facts =
        |result: &Delivered| FileFacts { sha256: result.sha256.clone(), bytes: result.bytes };
    job.result.iter().map(facts).collect()
}
