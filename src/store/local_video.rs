//! Which files are the local videos of tasks, by their content.

use super::{
    Store, StoreError,
    sql::{Sql as _, columns},
};

/// Copies of a video are few; the first ones suffice.
pub(super) const LOCAL_VIDEOS: &str = "
    SELECT media_dir AS folder, video AS name, video_stamp AS file_stamp FROM task INDEXED BY task_video
    WHERE video_kind = 'file' AND video_sha256 = ?1 LIMIT 20";

/// A local video of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskVideo {
    /// Of the manifest, under `jobs_dir`.
    pub folder: String,
    /// In the manifest.
    pub name: String,
    /// When it was measured.
    pub file_stamp: Option<String>,
}

impl Store {
    /// Returns the local videos of tasks that had this content when they were measured.
    pub async fn local_videos(&self, sha256: &str) -> Result<Vec<TaskVideo>, StoreError> {
        let sha256 = sha256.to_owned();
        self.read(move |connection| {
            connection.all(
                LOCAL_VIDEOS,
                (&sha256,),
                |row| columns!(row => TaskVideo: folder name file_stamp),
            )
        })
        .await
    }
}
