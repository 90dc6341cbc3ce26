//! Manifests that are refused, and why.

use std::time::Duration;

use tracing::warn;

use super::{
    accept::SettledFile, inbox::Inbox, manifest_stamp::ManifestStamp, pass::Pass,
    read::RejectedManifest,
};
use crate::store::StoreError;

/// How soon to try again when this process can open no more files.
const AFTER_EXHAUSTION: Duration = Duration::from_secs(1);
/// Stored instead of the stamp of a file that could not be read.
const UNREADABLE: &str = "unreadable";

impl Inbox {
    pub(super) async fn reject(
        &mut self,
        file: &SettledFile,
        rejected: &RejectedManifest,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let path = &*file.path;
        if rejected.is_exhaustion() {
            self.index.reread(path);
            pass.repeat_in(AFTER_EXHAUSTION);
            return Ok(());
        }
        if rejected.is_foreign {
            self.index.set_foreign(path, file.stamp);
            return match self.index.contains(path) {
                // It was a manifest before.
                true => self.write_gone(path, pass).await,
                false => Ok(()),
            };
        }
        self.index.set_conflicting(path, false);
        // The reason may end without a change of the file: without a stamp, the file is tried in each pass.
        let stamp = rejected.read_error.is_none().then_some(file.stamp);
        self.refuse(path, stamp, &rejected.problems.one_line(path), pass).await
    }

    /// Stores the error of a manifest, and holds its jobs that are not created. Does nothing if that is stored
    /// already.
    pub(super) async fn refuse(
        &mut self,
        path: &str,
        stamp: Option<ManifestStamp>,
        error: &str,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let is_known = self.index.has_error(path, error);
        if is_known && self.index.has_stamp(path, stamp) {
            return Ok(());
        }
        if !is_known {
            warn!(manifest = path, "refused: {error}");
        }
        let stored = stamp.map_or(UNREADABLE.to_owned(), |stamp| stamp.to_string());
        let changes = self.store.refuse(path, &stored, error, self.moment(), self.policy()).await?;
        pass.log(&changes);
        pass.store_changed = true;
        self.index.set_refused(path, stamp, error);
        Ok(())
    }
}
