//! Manifests that are new or changed: which are still being written, and which can be read.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    accept::SettledFile,
    diff::{Differences, ManifestChange},
    inbox::Inbox,
    pass::Pass,
    scan::ScanEntry,
    settle::Seen,
};
use crate::store::StoreError;

impl Inbox {
    /// Records since when manifests are new or changed, for the metrics.
    pub(super) fn report_changes(&mut self, differences: &Differences) {
        let now_ms = self.moment().now_ms;
        let new = || differences.changed.iter().filter(|(_, change)| change.is_new);
        self.index.retain_changed(|path| differences.is_new(path));
        self.index.forget_foreign();
        for (path, change) in new() {
            if matches!(change.found, ScanEntry::File(_)) {
                self.index.set_changed(path, now_ms);
            }
        }
        self.settings.metrics.record_scan(self.index.pending(new().map(|(path, _)| path)));
        self.settings.metrics.record_unreadable_folders(differences.unreadable.len());
    }

    /// Reads the changed manifests that have settled. Those that are still being written stay pending.
    pub(super) async fn read_changes(
        &mut self,
        changes: Vec<(Arc<str>, ManifestChange)>,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let mut settled = Vec::new();
        let (now_ms, at) = (self.moment().now_ms, Instant::now());
        // The scan saw all of them before now.
        self.settling.begin_pass(at);
        for (path, change) in changes {
            let stamp = match change.found {
                ScanEntry::Invalid(why) => {
                    self.refuse(&path, None, &format!("{path}: {why}"), pass).await?;
                    continue;
                }
                ScanEntry::File(stamp) => stamp,
            };
            // A manifest that is read again without a change has settled before.
            let wait = match change.is_new {
                true => {
                    let (modified_ns, changed_ns) = (stamp.modified_ns(), stamp.changed_ns());
                    let seen = Seen { stamp, modified_ns, changed_ns, at };
                    self.settling.wait(Arc::clone(&path), seen, now_ms)
                }
                false => None,
            };
            match wait {
                Some(wait) => {
                    pass.repeat_in(wait);
                    pass.pending.insert(path);
                }
                None => {
                    // To save memory: while a hundred thousand new manifests are read, `settled` has their stamps.
                    if !self.index.contains(&path) {
                        self.settling.forget(&*path);
                    }
                    settled.push(SettledFile { path, stamp });
                }
            }
        }
        self.settling.shrink();
        // Known manifests come first: a job that leaves one of them may appear in a new one.
        settled.sort_by_key(|file| !self.index.contains(&file.path));
        self.accept(settled, pass).await
    }
}
