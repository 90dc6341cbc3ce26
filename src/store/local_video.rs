//! Which files are the local videos of tasks, by their content.

use super::{Store, StoreError, sql::Sql as _};

/// Copies of a video are few; the first ones suffice.
pub(super) const LOCAL_VIDEOS: &str = "
    SELECT media_dir, video FROM task INDEXED BY task_video
    WHERE video_kind = 'file' AND video_sha256 = ?1 LIMIT 20";

impl Store {
    /// Returns the local videos of tasks that had this content when they were measured: the folder of the manifest, and the
    /// name in the manifest.
    pub async fn local_videos(&self, sha256: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sha256 = sha256.to_owned();
        self.read(move |connection| connection.all(LOCAL_VIDEOS, (&sha256,), |row| row.try_into()))
            .await
    }
}
