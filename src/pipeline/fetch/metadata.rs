//! The metadata that are stored beside a result.

use super::fetch_error::FetchError;
use crate::{
    job::{JobId, ResultFile, Task},
    kling::Api,
    output::Metadata,
    pipeline::context::StepContext,
};

/// Returns the metadata of one job's file, without what is only known once its bytes are on disk.
pub(super) async fn result_metadata<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    job: JobId,
    duration_ms: Option<i64>,
) -> Result<Metadata, FetchError> {
    let (face, spec) = context.store.face_and_spec(task, job).await?;
    Ok(Metadata { duration_ms, ..Metadata::of_task(task, face).of_job(&spec) })
}

/// Returns what the database stores of a result.
pub(super) fn to_result_file(metadata: &Metadata) -> ResultFile {
    ResultFile {
        bytes: metadata.result.bytes,
        sha256: metadata.result.sha256.clone(),
        duration_ms: metadata.duration_ms,
    }
}
