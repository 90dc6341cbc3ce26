//! Uploads the local video of a task to the bucket, before it is identified. Free, and shared by all tasks of the video.

use std::{
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::info;

use super::{Identify, Obstacle, check_task, local_media::local_video};
use crate::{
    job::{Outcome, Task, outcome::TransientError},
    kling::Api,
    metrics::UploadResult,
    pipeline::{StepContext, StepEnd},
    store::{DetachReason, StoreError},
    upload::{LocalVideo, SentBytes, UploadError, Uploads},
};

/// How often the progress of an upload is written.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// The end of the step.
pub(crate) enum UploadStep {
    Ended(UploadEnd),
    /// Nothing was sent, because the output of the task is not free.
    Obstacle(Arc<Task>, Obstacle),
}

/// How the upload of a task's video ended.
pub(crate) enum UploadEnd {
    /// No upload was needed, or the task changed.
    Ended(StepEnd),
    /// The bucket has the video.
    Uploaded,
    /// The bucket takes no videos, with the reason. The task is unchanged.
    Refused(String),
    /// This upload failed, which the task has recorded. The tasks that waited for it have failed in the same way.
    Failed(Arc<Task>, TransientError),
}

/// Makes the bucket have the video of a task.
pub(crate) async fn upload<A: Api>(
    context: &StepContext<A>,
    task: Arc<Task>,
) -> Result<UploadStep, StoreError> {
    // The task may have waited in memory for long: what was cancelled in the meantime is not sent.
    let now = context.store.task(task.id).await?;
    if now.is_none_or(|now| now.revision != task.revision) {
        return Err(StoreError::Stale { key: task.spec.key.clone() });
    }
    let task = match check_task(context, task).await? {
        ControlFlow::Continue(task) => task,
        ControlFlow::Break(Identify::Obstacle(task, found)) => {
            return Ok(UploadStep::Obstacle(task, found));
        }
        ControlFlow::Break(Identify::Ended(end)) => {
            return Ok(UploadStep::Ended(UploadEnd::Ended(end)));
        }
    };
    let Some(uploads) = &context.settings.uploads else {
        return Ok(UploadStep::Ended(UploadEnd::Uploaded));
    };
    let sent = match local_video(&context.settings, &task).await {
        Ok(Some(video)) => send(context, uploads, &task, video).await?,
        Ok(None) => Ok(()),
        Err(changed) => Err(UploadError::Changed(changed)),
    };
    let end = match sent {
        Ok(()) => UploadEnd::Uploaded,
        Err(UploadError::Refused(reason)) => UploadEnd::Refused(reason),
        Err(UploadError::Changed(what)) => {
            let task = context.detach_lead(&task, DetachReason::MediaChanged(what)).await?;
            UploadEnd::Ended(StepEnd::new(task, None))
        }
        Err(UploadError::Failed { message, retry_after_ms }) => {
            let error = TransientError { code: "upload".to_owned(), message, retry_after_ms };
            let outcome = Outcome::TransientError(error.clone());
            UploadEnd::Failed(context.record(&task, outcome, None).await?.into(), error)
        }
    };
    Ok(UploadStep::Ended(end))
}

/// Sends a video, and writes how much of it is sent.
async fn send<A: Api>(
    context: &StepContext<A>,
    uploads: &Uploads,
    task: &Task,
    video: LocalVideo,
) -> Result<Result<(), UploadError>, StoreError> {
    let (store, progress, began) = (&context.store, SentBytes::default(), Instant::now());
    let (sha256, bytes) = (video.sha256.clone(), video.located.stamp.bytes());
    let name = video.name.clone();
    let sending = uploads.upload(video, &context.settings.offload, &progress);
    tokio::pin!(sending);
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let result = loop {
        tokio::select! {
            biased;
            result = &mut sending => break result,
            _ = ticks.tick() => {
                store.set_upload(&sha256, progress.load(Ordering::Acquire), bytes).await?;
            }
        }
    };
    match &result {
        Ok(_) => store.set_stored(&sha256, context.clock.now_ms()).await?,
        Err(_) => store.forget_upload(&sha256).await?,
    }
    let counted = match &result {
        Ok(true) => UploadResult::Sent,
        Ok(false) => UploadResult::Present,
        Err(_) => UploadResult::Failed,
    };
    context.settings.metrics.record_upload(counted, progress.load(Ordering::Acquire));
    if result == Ok(true) {
        let (key, seconds) = (&task.spec.key, began.elapsed().as_secs_f64());
        let size = bytes as f64 / 1e6;
        info!(job = key, bytes, "{key}: video {name} uploaded ({size:.1} MB in {seconds:.1} s)");
    }
    Ok(result.map(drop))
}
