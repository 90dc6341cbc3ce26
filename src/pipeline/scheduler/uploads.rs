//! Starts uploads of local videos, and applies how they end.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{info, warn};

use super::{Pipeline, StepEvent, StepKind};
use crate::{
    job::{Outcome, Task, TaskId},
    kling::Api,
    pipeline::{StepContext, UploadEnd, UploadStep, submit::obstacle, upload, video_key},
    store::StoreError,
};

impl<A: Api> Pipeline<A> {
    /// Uploads videos that tasks in memory need. Uploads are free, so a pause does not stop them.
    pub(super) fn start_uploads(&mut self) {
        // What left the folder while the daemon was stopped is not sent to anybody.
        if !self.account.gate.is_scanned {
            return;
        }
        let at_once = self.context.settings.uploads_at_once;
        for id in self.queues.all_to_upload() {
            let Some(task) = self.queues.get(id) else { continue };
            let (is_needed, video) = (self.queues.needs_upload(task), video_key(task));
            let running = self.steps.count(StepKind::Upload);
            if !is_needed {
                // Another task has the same content.
                self.queues.take(id).into_iter().for_each(|task| self.enqueue(task));
            } else if let Some(waiting) = self.shared_videos.waiting_mut(&video) {
                waiting.extend(self.queues.take_to_upload(id));
            } else if self.upload_gate.may_start(Instant::now(), running, at_once)
                && let Some(task) = self.queues.take_to_upload(id)
            {
                self.shared_videos.start(video, id);
                self.start_upload(task);
            }
        }
    }

    fn start_upload(&mut self, task: Arc<Task>) {
        let (id, context) = (task.id, Arc::clone(&self.context));
        self.steps.start(StepKind::Upload, Some(id), async move {
            StepEvent::Uploaded(id, prepare(&context, task).await)
        });
    }

    pub(super) async fn uploaded(&mut self, id: TaskId, end: UploadEnd) -> Result<(), StoreError> {
        match end {
            UploadEnd::Ended(end) => return self.stepped(id, end).await,
            UploadEnd::Uploaded => {
                if self.open_uploads().await? {
                    info!("the bucket takes videos again");
                }
            }
            UploadEnd::Refused(reason) => self.hold_uploads(reason).await?,
            UploadEnd::Failed(task, error) => {
                // The bucket does not refuse all videos any more.
                self.open_uploads().await?;
                self.requeue(task);
                for task in self.shared_videos.end(id) {
                    let waiting = task.id;
                    self.enqueue(task);
                    self.record_idle(waiting, Outcome::TransientError(error.clone())).await?;
                }
                return Ok(());
            }
        }
        // An upload takes long: in the meantime, a person or the folder may have changed these tasks.
        self.reload(id).await?;
        for task in self.shared_videos.end(id) {
            self.reload(task.id).await?;
        }
        Ok(())
    }

    async fn hold_uploads(&mut self, reason: String) -> Result<(), StoreError> {
        let now_ms = self.context.clock.now_ms();
        let interval = self.probe_interval();
        self.upload_gate.hold(Instant::now(), interval);
        if self.upload_problem.as_ref() != Some(&reason) {
            warn!("uploads are held: {reason}");
            self.context.store.set_upload_problem(Some(reason.clone()), now_ms).await?;
            self.upload_problem = Some(reason);
        }
        Ok(())
    }

    /// Ends the hold of uploads. Returns whether they were held.
    async fn open_uploads(&mut self) -> Result<bool, StoreError> {
        let were_held = self.upload_gate.open();
        if were_held {
            self.upload_problem = None;
            self.context.store.set_upload_problem(None, self.context.clock.now_ms()).await?;
        }
        Ok(were_held)
    }

    /// Whether uploads are all that is left, and the bucket still refuses them after another try.
    pub(super) fn is_only_upload_left(&self) -> bool {
        self.upload_gate.is_held_for(self.probe_interval()) && self.queues.has_only_uploads()
    }

    fn probe_interval(&self) -> Duration {
        Duration::from_millis(self.context.settings.probe_interval_ms.max(1).unsigned_abs())
    }
}

/// Uploads the video of a task, and records what keeps the task from it.
async fn prepare<A: Api>(
    context: &StepContext<A>,
    task: Arc<Task>,
) -> Result<UploadEnd, StoreError> {
    match upload(context, task).await? {
        UploadStep::Ended(end) => Ok(end),
        UploadStep::Obstacle(task, found) => {
            Ok(UploadEnd::Ended(obstacle::record(context, &task, found).await?))
        }
    }
}
