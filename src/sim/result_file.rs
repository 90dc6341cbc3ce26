//! Results of tasks, which can be downloaded or dubbed again while they are kept.

use std::sync::Arc;

use super::{
    faults::Endpoint,
    mp4,
    rules::Sim,
    session::{self, SimFace, SimVideo},
    task::{SimTask, SimTaskStatus},
    url_target,
};

/// The parts of a result's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFile {
    /// Its name under `/results/`.
    pub(super) name: String,
    /// The file of the media folder that it begins with, where there is one.
    pub(super) media_path: Option<String>,
    pub(super) length_ms: i64,
    pub(super) width: u32,
    pub(super) height: u32,
    /// The minimum size.
    pub(super) bytes_min: u64,
}

impl ResultFile {
    /// Builds the complete file without a source in the media folder: an MP4 built by hand, and the box that names the
    /// result.
    pub fn built(&self) -> Vec<u8> {
        let mut bytes = mp4::build(self.width, self.height, self.length_ms);
        let (filler, zeros) = mp4::filler(&self.mark(), bytes.len() as u64, self.bytes_min);
        bytes.extend(filler);
        bytes.resize(bytes.len() + usize::try_from(zeros).unwrap_or(0), 0);
        bytes
    }

    /// A text that is in this file, and in no other.
    pub fn mark(&self) -> String {
        format!("lipsyncd-sim {}", self.name)
    }
}

impl Sim {
    /// The task that made a video, while the video is kept.
    pub(super) fn task_of_result(&self, video_id: &str, now_ms: i64) -> Option<&SimTask> {
        let task = &self.tasks[*self.by_result_id.get(video_id)?];
        let age_ms = now_ms - task.ends_at_ms;
        let made = task.status(now_ms) == SimTaskStatus::Succeed;
        (made && age_ms < self.config.result_ttl_ms).then_some(task)
    }

    /// The file under `/results/`, by its name; none before it is made and after it is deleted.
    /// Counted as a call.
    pub fn download(&mut self, now_ms: i64, name: &str) -> Option<ResultFile> {
        let file = self.result(now_ms, name);
        self.counts.count(Endpoint::Download, file.is_none().then_some(1203));
        file
    }

    fn result(&self, now_ms: i64, name: &str) -> Option<ResultFile> {
        let id = name.strip_suffix(".mp4")?;
        let (id, watermarked) = match id.strip_suffix(".watermark") {
            Some(id) => (id, true),
            None => (id, false),
        };
        let task = self.task_of_result(id, now_ms)?;
        if watermarked && !task.is_watermarked() {
            return None;
        }
        Some(ResultFile {
            name: name.to_owned(),
            media_path: task.video.media_path.clone(),
            length_ms: task.video.length_ms,
            width: task.video.width,
            height: task.video.height,
            bytes_min: self.config.min_result_bytes,
        })
    }

    /// The video of a result, for a request that names it by id or URL.
    pub(super) fn video_of_result(
        &self,
        video_id: &str,
        spelled: &str,
        now_ms: i64,
    ) -> Option<(SimVideo, Vec<SimFace>)> {
        let task = self.task_of_result(video_id, now_ms)?;
        let parent = Arc::clone(&task.video);
        let video = SimVideo {
            id: video_id.to_owned(),
            spelled: spelled.to_owned(),
            url: url_target::result_url(&self.base_url, video_id, false),
            length_ms: parent.length_ms,
            width: parent.width,
            height: parent.height,
            media_path: parent.media_path.clone(),
            fail: None,
        };
        Some((video, session::whole(parent.length_ms)))
    }
}
