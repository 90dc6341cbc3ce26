//! What is told of a result in the file beside it, as far as the database knows it.

use super::{context::Context, stop::Stop};
use crate::{
    job::{Delivered, Task},
    kling::Api,
    output::{FaceUsed, FileFacts, Metadata, TimingUsed},
};

/// All that is kept with a result, but for what is only known once its bytes are there.
pub(super) async fn record<A: Api>(
    context: &Context<A>,
    task: &Task,
    duration_ms: Option<i64>,
) -> Result<Metadata, Stop> {
    let internal = |message: String| Stop::Other { code: "internal", message };
    let plan = task.plan.as_ref().ok_or_else(|| internal("the job has no timing".to_owned()))?;
    let kept = context.store.face_and_labels(task).await;
    let (face, labels) = kept.map_err(|error| internal(error.to_string()))?;
    Ok(Metadata {
        task: task.spec.key.clone(),
        attempt: task.attempt,
        task_id: task.task_id.clone().unwrap_or_default(),
        external_task_id: task.external_task_id(),
        video: task.spec.video.as_written().to_owned(),
        audio: task.spec.audio.as_written().to_owned(),
        face: FaceUsed {
            id: plan.face_id.clone(),
            start_ms: face.as_ref().map_or(0, |face| face.start_ms),
            end_ms: face.as_ref().map_or(0, |face| face.end_ms),
        },
        timing: TimingUsed {
            sound_start_ms: plan.sound_start_ms,
            sound_end_ms: plan.sound_end_ms,
            sound_insert_ms: plan.sound_insert_ms,
            sound_volume: task.spec.sound_volume,
            original_audio_volume: task.spec.original_audio_volume,
        },
        units_micro: Some(task.units_micro),
        duration_ms,
        result: FileFacts { sha256: String::new(), bytes: 0 },
        watermark: None,
        labels,
        created_at_ms: task.create.as_ref().map_or(0, |create| create.first_sent_at_ms),
        finished_at_ms: 0,
    })
}

/// What the database keeps of it.
pub(super) fn delivered(metadata: &Metadata) -> Delivered {
    Delivered {
        bytes: metadata.result.bytes,
        sha256: metadata.result.sha256.clone(),
        duration_ms: metadata.duration_ms,
    }
}
