//! What is told of a result in the file beside it, as far as the database knows it.

use super::{context::Context, stop::Stop};
use crate::{
    job::{Delivered, Job},
    kling::Api,
    output::{FaceUsed, FileFacts, Metadata, TimingUsed},
};

/// All that is kept with a result, but for what is only known once its bytes are there.
pub(super) async fn record<A: Api>(
    context: &Context<A>,
    job: &Job,
    duration_ms: Option<i64>,
) -> Result<Metadata, Stop> {
    let internal = |message: String| Stop::Other { code: "internal", message };
    let plan = job.plan.as_ref().ok_or_else(|| internal("the job has no timing".to_owned()))?;
    let kept = context.store.face_and_labels(job).await;
    let (face, labels) = kept.map_err(|error| internal(error.to_string()))?;
    Ok(Metadata {
        job: job.spec.key.clone(),
        request_hash: job.external_task_id(),
        take: job.attempt,
        task_id: job.task_id.clone().unwrap_or_default(),
        external_task_id: job.external_task_id(),
        video: job.spec.video.as_written().to_owned(),
        audio: job.spec.audio.as_written().to_owned(),
        face: FaceUsed {
            id: plan.face_id.clone(),
            start_ms: face.as_ref().map_or(0, |face| face.start_ms),
            end_ms: face.as_ref().map_or(0, |face| face.end_ms),
        },
        timing: TimingUsed {
            sound_start_ms: plan.sound_start_ms,
            sound_end_ms: plan.sound_end_ms,
            sound_insert_ms: plan.sound_insert_ms,
            sound_volume: job.spec.sound_volume,
            original_audio_volume: job.spec.original_audio_volume,
        },
        units_micro: Some(job.units_micro),
        duration_ms,
        result: FileFacts { sha256: String::new(), bytes: 0 },
        watermark: None,
        labels,
        created_at_ms: job.create.as_ref().map_or(0, |create| create.first_sent_at_ms),
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
