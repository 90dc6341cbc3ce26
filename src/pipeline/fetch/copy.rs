//! Copies a result from a file that is on disk already.

use std::path::Path;

use super::Target;
use crate::{
    job::Task,
    output::{self, Metadata, OutputError, OutputPaths},
};

/// Copies the result of a task to the parts of `to`: from another job's file, or from a file that was set aside there
/// or at the first output of the task. Returns the metadata of the source; none if no file has the recorded result.
pub(super) fn copy_to_parts(
    output_dir: &Path,
    to: &OutputPaths,
    task: &Task,
    target: &Target,
) -> Result<Option<Metadata>, OutputError> {
    for source in &target.sources {
        let copied = copy_from(&OutputPaths::prepare(output_dir, source)?, to, task)?;
        if copied.is_some() {
            return Ok(copied);
        }
    }
    let first = OutputPaths::prepare(output_dir, &task.spec.output)?;
    for at in [Some(to), Some(&first).filter(|first| *first != to)].into_iter().flatten() {
        if let Some((from, _)) = output::find_set_aside(at, &task.request_hash, task.take)? {
            return copy_from(&from, to, task);
        }
    }
    Ok(None)
}

fn copy_from(
    from: &OutputPaths,
    to: &OutputPaths,
    task: &Task,
) -> Result<Option<Metadata>, OutputError> {
    let Some(theirs) = Metadata::read(&from.metadata())? else { return Ok(None) };
    let is_recorded = task.result.as_ref().is_none_or(|result| {
        (&theirs.result.sha256, theirs.result.bytes) == (&result.sha256, result.bytes)
    });
    if !is_recorded || !theirs.is_task(&task.request_hash, task.take) {
        return Ok(None);
    }
    // The watermarked copy follows on its own.
    let metadata = Metadata { watermark: None, ..theirs };
    match output::copy_result(from, to, &metadata) {
        Ok(_) => Ok(Some(metadata)),
        Err(OutputError::SourceChanged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
