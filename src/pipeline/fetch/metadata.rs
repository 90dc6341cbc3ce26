//! The metadata that are stored beside a result.

use super::{fetch_error::FetchError, target::Target};
use crate::{
    job::{Delivered, Plan, Source, Task, without_signature},
    kling::Api,
    output::{FaceUsed, FileFacts, Metadata, TimingUsed},
    pipeline::context::StepContext,
};

/// Returns the metadata of one job's file, without what is only known once its bytes are on disk.
pub(super) async fn result_metadata<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: &Target,
    duration_ms: Option<i64>,
) -> Result<Metadata, FetchError> {
    let (face, labels) = context.store.face_and_labels(task, target.job).await?;
    // A task that was found by its name after the database was lost has no plan.
    let plan = task.plan.as_ref();
    let plan_ms = |time: fn(&Plan) -> i64| plan.map_or(0, time);
    Ok(Metadata {
        job: target.key.clone(),
        request_hash: task.request_hash.clone(),
        take: task.take,
        task_id: task.task_id.clone().unwrap_or_default(),
        external_task_id: task.external_task_id(),
        video: source_text(&task.spec.video),
        audio: source_text(&task.spec.audio),
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

/// Returns a source as the manifest names it. The signature of a signed link is a secret and left out.
fn source_text(source: &Source) -> String {
    without_signature(source.as_written()).into_owned()
}

/// Returns what the database keeps of a result.
pub(super) fn to_delivered(metadata: &Metadata) -> Delivered {
    Delivered {
        bytes: metadata.result.bytes,
        sha256: metadata.result.sha256.clone(),
        duration_ms: metadata.duration_ms,
    }
}
