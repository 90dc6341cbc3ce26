//! Folders that cannot be read, and files that may be meant as manifests: each is logged once.

use tracing::warn;

use super::{inbox::Inbox, scan::SkippedPaths};
use crate::store::{StoreError, UnreadableFolders};

impl Inbox {
    pub(super) fn report_unreadable(&mut self, unreadable: SkippedPaths) {
        for (folder, why) in &unreadable {
            if self.unreadable.get(folder) != Some(why) {
                warn!("cannot read {folder} in jobs_dir: {why}; no jobs in it are cancelled");
            }
        }
        self.unreadable = unreadable;
    }

    pub(super) fn report_suspicious(&mut self, suspicious: SkippedPaths) {
        for (path, why) in &suspicious {
            if self.suspicious.get(path) != Some(why) {
                warn!("{path} in jobs_dir is ignored: {why}");
            }
        }
        self.suspicious = suspicious;
    }

    /// Saves what `status` shows of the folders that cannot be read.
    pub(super) async fn save_unreadable(&self) -> Result<(), StoreError> {
        let count = i64::try_from(self.unreadable.len()).unwrap_or(i64::MAX);
        let folders = self.unreadable.first_key_value().map(|(first, reason)| UnreadableFolders {
            count,
            first: first.clone(),
            reason: reason.clone(),
        });
        self.store.set_unreadable_folders(folders).await
    }
}
