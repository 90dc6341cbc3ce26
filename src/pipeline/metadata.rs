//! What the file beside a result reports, as far as the database knows it.

use super::{context::Context, stop::Stop};
use crate::{
    job::{JobId, ResultFile, Task},
    kling::Api,
    output::Metadata,
};

/// Returns all that is kept with the file of one job, but for what is only known once its bytes are there.
pub(super) async fn record<A: Api>(
    context: &Context<A>,
    task: &Task,
    job: JobId,
    duration_ms: Option<i64>,
) -> Result<Metadata, Stop> {
    let kept = context.store.face_and_spec(task, job).await;
    let (face, spec) =
        kept.map_err(|error| Stop::Other { code: "internal", message: error.to_string() })?;
    Ok(Metadata { duration_ms, ..Metadata::of_task(task, face).of_job(&spec) })
}

/// What the database keeps of a result.
pub(super) fn delivered(metadata: &Metadata) -> ResultFile {
    ResultFile {
        bytes: metadata.result.bytes,
        sha256: metadata.result.sha256.clone(),
        duration_ms: metadata.duration_ms,
    }
}
