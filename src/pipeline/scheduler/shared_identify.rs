//! One Identify Face call per video: tasks of the same video wait for its answer.

use std::collections::HashMap;

use crate::job::{Task, TaskId};

/// The Identify Face calls in progress, and the tasks that wait for each.
#[derive(Debug, Default)]
pub(super) struct SharedIdentify {
    /// The video of each call, by the task whose step makes the call.
    videos: HashMap<TaskId, String>,
    waiting: HashMap<String, Vec<Task>>,
}

impl SharedIdentify {
    pub(super) fn start(&mut self, video: String, caller: TaskId) {
        self.waiting.insert(video.clone(), Vec::new());
        self.videos.insert(caller, video);
    }

    /// Returns the tasks that wait for the call about this video, if one is in progress.
    pub(super) fn waiting_mut(&mut self, video: &str) -> Option<&mut Vec<Task>> {
        self.waiting.get_mut(video)
    }

    /// The step of `caller` ended. Returns the tasks that waited for its call.
    pub(super) fn end(&mut self, caller: TaskId) -> Vec<Task> {
        let video = self.videos.remove(&caller);
        video.and_then(|video| self.waiting.remove(&video)).unwrap_or_default()
    }
}
