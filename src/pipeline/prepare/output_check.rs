//! Checks the output of a task before anything is paid for.

use crate::{
    job::{Outcome, Task, outcome::PermanentError},
    kling::Api,
    output,
    pipeline::{FetchError, StepContext, lead_files, on_disk, to_transient_error},
    store::StoreError,
};

pub(crate) enum Obstacle {
    /// The output folder is not writable, a foreign file has the name, or the result of this task is there already.
    Outcome(Outcome),
    /// The result of a later take of the same request is there: the database was lost, or restored from a backup.
    LaterTake(u32),
}

/// Returns what keeps a task from writing its first file, if anything does.
///
/// The result of this request may be there although the database does not know it: after the database was lost or
/// restored, the metadata beside the file name its task. If the job asks for a certain take, a later take is an earlier
/// result, which is set aside. An output that was free less than a second ago is not checked again.
pub(crate) async fn check_output<A: Api>(
    context: &StepContext<A>,
    task: &Task,
) -> Result<Option<Obstacle>, StoreError> {
    if context.free_outputs.take(task) {
        return Ok(None);
    }
    let found = find_obstacle(context, task, u32::MAX).await;
    if matches!(found, Some(Obstacle::LaterTake(_))) && !context.store.is_take_open(task).await? {
        return Ok(find_obstacle(context, task, task.take).await);
    }
    if found.is_none() {
        context.free_outputs.remember(task);
    }
    Ok(found)
}

/// Does the same, but takes after `take_max` count as files that can be set aside.
async fn find_obstacle<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    take_max: u32,
) -> Option<Obstacle> {
    let (output_dir, wanted) = (context.settings.output_dir.clone(), task.clone());
    let folder_cache = context.folder_cache.clone();
    let checked = on_disk(&context.settings, move || {
        let output = &wanted.spec.output;
        let found = folder_cache.find(&output_dir, output)?;
        let place = &found.place;
        let watermark = wanted.spec.watermark;
        if let Some(published) = output::published_result(place)?
            && published.request_hash == wanted.request_hash
            && (wanted.take..=take_max).contains(&published.take)
        {
            return Ok(Some(published));
        }
        output::check_available(place, watermark, &lead_files(&wanted))?;
        output::check_names(place, watermark)?;
        if !found.took_file {
            output::check_writable(place)?;
            folder_cache.remember(output, &found);
        }
        Ok(None)
    });
    let outcome = match checked.await {
        Ok(None) => return None,
        Ok(Some(published)) if published.take != task.take => {
            return Some(Obstacle::LaterTake(published.take));
        }
        Ok(Some(published)) => Outcome::ResultOnDisk { task_id: published.task_id },
        // Nothing is paid for that cannot be stored.
        Err(FetchError::Output(error)) if error.is_passing() => {
            Outcome::OutputBlocked(to_transient_error(task, error.into()))
        }
        Err(FetchError::Output(error)) => output_taken(format!(
            "{error}: move it away or give the job another `output`, then type `lipsyncd retry {}`",
            task.spec.key
        )),
        Err(error) => output_taken(to_transient_error(task, error).message),
    };
    Some(Obstacle::Outcome(outcome))
}

pub(crate) fn output_taken(message: String) -> Outcome {
    Outcome::Refused(PermanentError { code: "output_taken".to_owned(), message })
}
