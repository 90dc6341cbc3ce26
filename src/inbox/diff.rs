//! What differs between the folder and what is known of it.
//!
//! Of a hundred thousand manifests that stayed as they are, nothing is kept but that they are there.
//! Blocks.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use super::{
    manifest_index::{Known, Print},
    scan::{ScanEntry, folder_id, walk},
};

/// A manifest that is new or changed, or is to be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) found: ScanEntry,
    /// Whether it looks different from what is known.
    pub(super) is_news: bool,
}

/// What a walk found to do.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// By path.
    pub(super) changed: BTreeMap<Arc<str>, Change>,
    /// What is known and was not met, in order.
    pub(super) gone: Vec<Box<str>>,
    /// Folders that could not be read, each ending in `/`, with the reason.
    pub(super) unreadable: BTreeMap<String, String>,
    /// Tells the folder itself from another one in its place.
    pub(super) folder_id: String,
    /// Whether the folder holds no manifest at all.
    pub(super) is_empty: bool,
}

/// Walks the folder at `root`. What is in `again` is to be read though it looks as it did.
///
/// # Errors
/// When the folder itself is not there or cannot be read.
pub(super) fn differ(
    root: &Path,
    known: &Known,
    again: &BTreeSet<Arc<str>>,
) -> io::Result<Differences> {
    let mut differences = Differences { folder_id: folder_id(root)?, ..Differences::default() };
    known.values().for_each(|seen| seen.walk_by(false));
    let mut unchanged = 0;
    let changed = &mut differences.changed;
    walk(root, &mut differences.unreadable, &mut |path, found| {
        unchanged += usize::from(note(path, found, known, again, changed));
    })?;
    differences.is_empty = unchanged == 0 && differences.changed.is_empty();
    let is_gone =
        |path: &str| !differences.unreadable.keys().any(|folder| path.starts_with(folder.as_str()));
    differences.gone = known
        .iter()
        .filter(|(path, seen)| !seen.walked.load(Ordering::Relaxed) && is_gone(path))
        .map(|(path, _)| path.clone())
        .collect();
    Ok(differences)
}

/// Notes what is at `path`. Returns whether it looks as it is known and need not be read.
fn note(
    path: &str,
    found: ScanEntry,
    known: &Known,
    again: &BTreeSet<Arc<str>>,
    changed: &mut BTreeMap<Arc<str>, Change>,
) -> bool {
    let seen = known.get(path);
    if let Some(seen) = seen {
        seen.walk_by(true);
    }
    let is_news = match (&found, seen) {
        (ScanEntry::File(stamp), Some(seen)) => seen.print != Print::of(stamp),
        _ => true,
    };
    if !is_news && !again.contains(path) {
        return true;
    }
    changed.insert(path.into(), Change { found, is_news });
    false
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::inbox::{manifest_index::Seen, scan::scan};

    fn known(root: &Path) -> Known {
        let listing = scan(root).unwrap();
        let seen = |found: ScanEntry| match found {
            ScanEntry::File(stamp) => Seen::new(Print::of(&stamp), false),
            ScanEntry::Invalid(why) => panic!("{why}"),
        };
        listing.manifests.into_iter().map(|(path, found)| (path.into(), seen(found))).collect()
    }

    #[test]
    fn only_what_differs_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a.yaml", "b.yaml", "c.yaml", "d.yaml"] {
            fs::write(path(name), "text").unwrap();
        }
        let known = known(folder.path());
        fs::write(path("b.yaml"), "another text").unwrap();
        fs::remove_file(path("c.yaml")).unwrap();
        fs::write(path("e.yaml"), "new").unwrap();
        let again = BTreeSet::from(["d.yaml".into(), "c.yaml".into()]);
        let found = differ(folder.path(), &known, &again).unwrap();
        let changed: Vec<(&str, bool)> =
            found.changed.iter().map(|(path, change)| (&**path, change.is_news)).collect();
        assert_eq!(changed, [("b.yaml", true), ("d.yaml", false), ("e.yaml", true)]);
        assert_eq!(found.gone, ["c.yaml".into()]);
        assert!(!found.is_empty);
    }
}
