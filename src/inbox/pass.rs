//! What one pass over the folder found.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::changed_files::ChangedFiles;
use crate::store::JobChange;

#[derive(Debug, Default)]
pub(super) struct Pass {
    /// When another pass is useful before the next rescan.
    pub(super) again_at: Option<Instant>,
    pub(super) store_changed: bool,
    /// Manifests that could not be read yet, because they are still being written.
    pub(super) pending: BTreeSet<Arc<str>>,
    /// Local files whose content changed after finished jobs used them.
    pub(super) changed_files: ChangedFiles,
}

impl Pass {
    pub(super) fn repeat_in(&mut self, wait: Duration) {
        self.repeat_at(Instant::now() + wait);
    }

    pub(super) fn repeat_at(&mut self, at: Instant) {
        self.again_at = Some(self.again_at.map_or(at, |before| before.min(at)));
    }

    /// Logs changes that were written to the store.
    pub(super) fn log(&mut self, changes: &[JobChange]) {
        self.store_changed |= !changes.is_empty();
        changes.iter().for_each(JobChange::log);
    }
}
