//! Manifests that are new or changed: which of them are still being written, and which can be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tracing::warn;

use super::{
    diff::Differences,
    inbox::{Inbox, Pass},
    manifest_index::Print,
    scan::{ManifestStamp, ScanEntry},
};
use crate::{metrics::PendingManifests, store::StoreError};

/// A manifest that is to be read, and what its file looks like.
pub(super) type Still = (Arc<str>, ManifestStamp);

impl Inbox {
    /// Remembers since when manifests are new or changed.
    pub(super) fn notice_changes(&mut self, differences: &Differences) {
        let now_ms = (self.moment)().now_ms;
        for (path, change) in &differences.changed {
            if change.is_news && matches!(change.found, ScanEntry::File(_)) {
                self.changed_at_ms.entry(Arc::clone(path)).or_insert(now_ms);
            }
        }
        let news = differences.changed.iter().filter(|(_, change)| change.is_news);
        self.settings.metrics.record_scan(self.pending(news.map(|(path, _)| path)));
        self.settings.metrics.record_unreadable_folders(differences.unreadable.len());
    }

    /// What the metrics report of manifests that are not taken in yet.
    pub(super) fn pending<'a>(
        &self,
        paths: impl Iterator<Item = &'a Arc<str>>,
    ) -> PendingManifests {
        let mut pending = PendingManifests::default();
        for at_ms in paths.filter_map(|path| self.changed_at_ms.get(path)) {
            pending.manifests += 1;
            pending.oldest_at_ms = Some(pending.oldest_at_ms.map_or(*at_ms, |old| old.min(*at_ms)));
        }
        pending
    }

    /// Reads what is new or changed. Returns the manifests that are not read yet.
    pub(super) async fn read_changed(
        &mut self,
        differences: Differences,
        pass: &mut Pass,
    ) -> Result<BTreeSet<Arc<str>>, StoreError> {
        let (mut pending, mut still) = (BTreeSet::new(), Vec::new());
        let now_ms = (self.moment)().now_ms;
        for (path, change) in differences.changed {
            let stamp = match change.found {
                ScanEntry::Invalid(why) => {
                    self.refuse_odd(&path, &why, pass).await?;
                    continue;
                }
                ScanEntry::File(stamp) => stamp,
            };
            let (key, print) = (Arc::clone(&path), Print::of(&stamp));
            match self.settling.wait(key, &print, stamp.modified_ns, now_ms) {
                Some(wait) => {
                    pass.look_again_in(wait);
                    pending.insert(path);
                }
                None => still.push((path, stamp)),
            }
        }
        self.report_unseen(&differences.unreadable);
        // What is known comes first: what leaves it may appear in one that is new.
        still.sort_by_key(|(path, _)| !self.known.contains_key(&**path));
        self.take_in(still, &mut pending, pass).await?;
        Ok(pending)
    }

    /// It changed since the walk: the next one sees it as it is then.
    pub(super) fn wait_for_another_walk(&mut self, path: &Arc<str>, pass: &mut Pass) {
        self.again.insert(Arc::clone(path));
        pass.look_again_in(self.settings.settle);
    }

    fn report_unseen(&mut self, unreadable: &BTreeMap<String, String>) {
        for (folder, why) in unreadable {
            if self.unreadable.get(folder) != Some(why) {
                warn!(
                    "{folder} in jobs_dir cannot be read: {why}; nothing in it is taken as removed"
                );
            }
        }
        self.unreadable.clone_from(unreadable);
    }
}
