//! The differences between the folder and the index of known manifests.
//!
//! Nothing is kept of manifests that are unchanged: there may be a hundred thousand. Blocks.

use std::{io, path::Path, sync::Arc};

use super::{
    manifest_index::{Comparison, ManifestIndex},
    scan::{ScanEntry, Skipped, SkippedPaths, folder_id, scan_with},
};
use crate::manifest::IgnorePatterns;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ManifestChange {
    pub(super) found: ScanEntry,
    /// False: it looks the same, and must be read again for another reason.
    pub(super) is_new: bool,
}

#[derive(Debug, Default)]
pub(super) struct Differences {
    /// By path, in order.
    pub(super) changed: Vec<(Arc<str>, ManifestChange)>,
    /// Known manifests that the scan did not find, in order.
    pub(super) gone: Vec<Box<str>>,
    pub(super) unreadable: SkippedPaths,
    pub(super) suspicious: SkippedPaths,
    pub(super) folder_id: String,
    pub(super) is_empty: bool,
}

impl Differences {
    /// Whether the manifest at `path` is new or changed.
    pub(super) fn is_new(&self, path: &str) -> bool {
        let place = self.changed.binary_search_by(|(changed, _)| (**changed).cmp(path));
        place.is_ok_and(|place| self.changed[place].1.is_new)
    }
}

/// Scans the folder at `root` and compares it with the index.
pub(super) fn diff(
    root: &Path,
    ignore: &IgnorePatterns,
    index: &ManifestIndex,
) -> io::Result<Differences> {
    let folder_id = folder_id(root)?;
    let (mut changed, mut is_empty) = (Vec::new(), true);
    index.begin_scan();
    let Skipped { unreadable, suspicious } = scan_with(root, ignore, |path, found| {
        is_empty = false;
        let comparison = index.compare(path, &found);
        if comparison != Comparison::Unchanged {
            let is_new = comparison == Comparison::Changed;
            changed.push((index.shared_path(path), ManifestChange { found, is_new }));
        }
    })?;
    changed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let gone = index.not_found().filter(|path| !is_in(&unreadable, path)).map(Into::into).collect();
    Ok(Differences { changed, gone, unreadable, suspicious, folder_id, is_empty })
}

/// Returns true if the manifest is in a folder that could not be read.
pub(super) fn is_in(unreadable: &SkippedPaths, path: &str) -> bool {
    unreadable.keys().any(|folder| path.starts_with(folder.as_str()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::inbox::scan::scan;

    fn index(root: &Path) -> ManifestIndex {
        let mut index = ManifestIndex::default();
        for (path, found) in scan(root, &IgnorePatterns::default()).unwrap().manifests {
            let ScanEntry::File(stamp) = found else { panic!("{found:?}") };
            index.set_accepted(&path, stamp);
        }
        index
    }

    #[test]
    fn only_differences_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a.yaml", "b.yaml", "c.yaml", "d.yaml"] {
            fs::write(path(name), "text").unwrap();
        }
        let mut index = index(folder.path());
        fs::write(path("b.yaml"), "another text").unwrap();
        fs::remove_file(path("c.yaml")).unwrap();
        fs::write(path("e.yaml"), "new").unwrap();
        index.reread("d.yaml");
        index.reread("c.yaml");
        let found = diff(folder.path(), &IgnorePatterns::default(), &index).unwrap();
        let changed: Vec<(&str, bool)> =
            found.changed.iter().map(|(path, change)| (&**path, change.is_new)).collect();
        assert_eq!(changed, [("b.yaml", true), ("d.yaml", false), ("e.yaml", true)]);
        assert_eq!(found.gone, ["c.yaml".into()]);
        assert!(!found.is_empty);
    }
}
