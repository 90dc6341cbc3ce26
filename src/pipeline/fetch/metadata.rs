//! What the file beside a result reports, as far as the database knows it.

use crate::{
    job::{Delivered, JobId, Source, Task, without_signature},
    kling::Api,
    output::{FaceUsed, FileFacts, Metadata, TimingUsed},
    pipeline::{context::StepContext, fetch::fetch_error::FetchError},
};

/// Returns all that is kept with the file of one job, but for what is only known once its bytes are there.
pub(crate) async fn record<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    (job, key): (JobId, &str),
    duration_ms: Option<i64>,
) -> Result<Metadata, FetchError> {
    let internal = |message: String| FetchError::Other { code: "internal", message };
    let history_answer = context.store.face_and_labels(task, job).await;
    let (face, labels) = history_answer.map_err(|error| internal(error.to_string()))?;
    // A task that was found by its name after the database was lost has no plan of ours.
    let plan = task.plan.as_ref();
    let plan_ms = |time: fn(&crate::job::Plan) -> i64| plan.map_or(0, time);
    Ok(Metadata {
        job: key.to_owned(),
        request_hash: task.request_hash.clone(),
        take: task.take,
        task_id: task.task_id.clone().unwrap_or_default(),
        external_task_id: task.external_task_id(),
        video: written(&task.spec.video),
        audio: written(&task.spec.audio),
        face: FaceUsed {
            id: plan.map(|plan| plan.face_id.clone()).unwrap_or_default(),
            start_ms: face.as_ref().map_or(0, |face| face.start_ms),
            end_ms: face.as_ref().map_or(0, |face| face.end_ms),
        },
        timing: TimingUsed {
            sound_start_ms: plan_ms(|plan| plan.sound_start_ms),
            sound_end_ms: plan_ms(|plan| plan.sound_end_ms),
            sound_insert_ms: plan_ms(|plan| plan.sound_insert_ms),
            sound_volume: task.spec.sound_volume,
            original_audio_volume: task.spec.original_audio_volume,
        },
        units_micro: Some(task.units_micro),
        duration_ms,
        result: FileFacts { sha256: String::new(), bytes: 0 },
        watermark: None,
        labels,
        created_at_ms: task.made_at_ms(None),
        finished_at_ms: 0,
    })
}

/// The address of a signed link is kept, its signature is a secret.
fn written(source: &Source) -> String {
    without_signature(source.as_written()).into_owned()
}

/// What the database keeps of a result.
pub(crate) fn delivered(metadata: &Metadata) -> Delivered {
    Delivered {
        bytes: metadata.result.bytes,
        sha256: metadata.result.sha256.clone(),
        duration_ms: metadata.duration_ms,
    }
}
