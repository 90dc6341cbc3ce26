//! What the inbox knows of each manifest, in few bytes: a folder may hold a hundred thousand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{manifest_stamp::ManifestStamp, scan::ScanEntry};
use crate::{metrics::PendingManifests, store::StoredManifest};

/// The manifests that the store knows, and those that must be read again. Paths are relative to the
/// folder, with parts joined by `/`.
#[derive(Debug, Default)]
pub(super) struct ManifestIndex {
    entries: BTreeMap<Box<str>, IndexEntry>,
    /// JSON files that are no manifests. Read again when they change.
    foreign: BTreeMap<Box<str>, IndexEntry>,
    /// Must be read again although their files did not change.
    to_reread: BTreeSet<Arc<str>>,
    /// Refused because of what another manifest has. Read again when something changes.
    conflicting: BTreeSet<Arc<str>>,
    /// Why manifests are refused, as last logged.
    errors: BTreeMap<Arc<str>, String>,
    /// Since when (Unix ms) manifests are new or changed, and not accepted.
    changed_at_ms: BTreeMap<Arc<str>, i64>,
}

#[derive(Debug)]
struct IndexEntry {
    /// None: the file could not be read, and is tried again in each pass.
    stamp: Option<ManifestStamp>,
    is_refused: bool,
    /// Whether the last scan found it. Atomic, because a scan only reads the index.
    is_found: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Unchanged,
    /// It must be read again although it looks the same.
    Reread,
    Changed,
}

impl ManifestIndex {
    pub(super) fn load(&mut self, known: Vec<StoredManifest>) {
        let entry = |known: StoredManifest| {
            let stamp = ManifestStamp::parse(&known.file_stamp);
            (known.path.into(), IndexEntry::new(stamp, known.refused))
        };
        self.entries = known.into_iter().map(entry).collect();
    }

    pub(super) fn contains(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(|path| &**path)
    }

    /// Begins a scan: no manifest is found yet.
    pub(super) fn begin_scan(&self) {
        let entries = self.entries.values().chain(self.foreign.values());
        entries.for_each(|entry| entry.is_found.store(false, Ordering::Relaxed));
    }

    pub(super) fn compare(&self, path: &str, found: &ScanEntry) -> Comparison {
        let entry = self.entries.get(path).or_else(|| self.foreign.get(path));
        if let Some(entry) = entry {
            entry.is_found.store(true, Ordering::Relaxed);
        }
        match (found, entry) {
            (ScanEntry::File(stamp), Some(entry)) if entry.stamp == Some(*stamp) => {
                match self.to_reread.contains(path) {
                    true => Comparison::Reread,
                    false => Comparison::Unchanged,
                }
            }
            _ => Comparison::Changed,
        }
    }

    /// Returns the manifests that the current scan did not find, in order.
    pub(super) fn not_found(&self) -> impl Iterator<Item = &str> {
        let missing = |entry: &IndexEntry| !entry.is_found.load(Ordering::Relaxed);
        self.entries.iter().filter(move |(_, entry)| missing(entry)).map(|(path, _)| &**path)
    }

    /// Records that the file with this stamp is no manifest.
    pub(super) fn set_foreign(&mut self, path: &str, stamp: ManifestStamp) {
        self.foreign.insert(path.into(), IndexEntry::new(Some(stamp), false));
    }

    /// Forgets files that are no manifests and that the current scan did not find.
    pub(super) fn forget_foreign(&mut self) {
        self.foreign.retain(|_, entry| entry.is_found.load(Ordering::Relaxed));
    }

    pub(super) fn reread(&mut self, path: &str) {
        self.to_reread.insert(path.into());
    }

    pub(super) fn reread_refused(&mut self) {
        let refused = self.entries.iter().filter(|(_, entry)| entry.is_refused);
        self.to_reread = refused.map(|(path, _)| (&**path).into()).collect();
    }

    /// Makes the next pass read manifests again that were refused because of another manifest.
    pub(super) fn reread_conflicting(&mut self) {
        self.to_reread.extend(self.conflicting.iter().cloned());
    }

    pub(super) fn has_to_reread(&self) -> bool {
        !self.to_reread.is_empty()
    }

    pub(super) fn set_read(&mut self, path: &str) {
        self.to_reread.remove(path);
    }

    /// The store accepted the manifest. Other manifests may have been refused because of it.
    pub(super) fn set_accepted(&mut self, path: &str, stamp: ManifestStamp) {
        self.resolve(path);
        self.foreign.remove(path);
        self.entries.insert(path.into(), IndexEntry::new(Some(stamp), false));
    }

    /// The store accepted a part of the manifest. The next pass reads it again.
    pub(super) fn set_partly_accepted(&mut self, path: &str) {
        self.errors.remove(path);
        self.entries.insert(path.into(), IndexEntry::new(None, false));
    }

    /// The manifest left the folder. Other manifests may have been refused because of it.
    pub(super) fn remove(&mut self, path: &str) {
        self.entries.remove(path);
        self.resolve(path);
    }

    fn resolve(&mut self, path: &str) {
        self.errors.remove(path);
        self.conflicting.remove(path);
        self.changed_at_ms.remove(path);
        self.reread_conflicting();
    }

    /// Records whether the manifest is refused because of another manifest.
    pub(super) fn set_conflicting(&mut self, path: &str, is_conflicting: bool) {
        match is_conflicting {
            true => _ = self.conflicting.insert(path.into()),
            false => _ = self.conflicting.remove(path),
        }
    }

    /// Returns true if the manifest is refused for this error already.
    pub(super) fn has_error(&self, path: &str, error: &str) -> bool {
        self.errors.get(path).is_some_and(|known| known == error)
    }

    pub(super) fn has_stamp(&self, path: &str, stamp: Option<ManifestStamp>) -> bool {
        self.entries.get(path).is_some_and(|entry| entry.stamp == stamp)
    }

    pub(super) fn set_refused(&mut self, path: &str, stamp: Option<ManifestStamp>, error: &str) {
        self.errors.insert(path.into(), error.to_owned());
        self.foreign.remove(path);
        self.entries.insert(path.into(), IndexEntry::new(stamp, true));
    }

    /// Since when (Unix ms) the manifest is new or changed, and not accepted.
    pub(super) fn changed_at_ms(&self, path: &str) -> Option<i64> {
        self.changed_at_ms.get(path).copied()
    }

    /// Forgets manifests that the scan did not find new or changed.
    pub(super) fn retain_changed(&mut self, is_changed: impl Fn(&str) -> bool) {
        self.changed_at_ms.retain(|path, _| is_changed(path));
    }

    /// Returns `path`, in the memory that a manifest has already if it is new or changed.
    pub(super) fn shared_path(&self, path: &str) -> Arc<str> {
        let known = self.changed_at_ms.get_key_value(path);
        known.map_or_else(|| path.into(), |(path, _)| Arc::clone(path))
    }

    pub(super) fn set_changed(&mut self, path: &Arc<str>, now_ms: i64) {
        self.changed_at_ms.entry(Arc::clone(path)).or_insert(now_ms);
    }

    /// Returns what the metrics report of those of `paths` that are not accepted.
    pub(super) fn pending<'a>(
        &self,
        paths: impl Iterator<Item = &'a Arc<str>>,
    ) -> PendingManifests {
        let since: Vec<i64> =
            paths.filter_map(|path| self.changed_at_ms.get(path)).copied().collect();
        PendingManifests { manifests: since.len(), oldest_at_ms: since.into_iter().min() }
    }
}

impl IndexEntry {
    fn new(stamp: Option<ManifestStamp>, is_refused: bool) -> Self {
        Self { stamp, is_refused, is_found: AtomicBool::new(true) }
    }
}
