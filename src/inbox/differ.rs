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
    known::{Known, Print},
    scan::{FileId, Found, Stamp, folder_id, look_at, walk},
};

/// A manifest that is new or changed, or is to be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) found: Found,
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
    pub(super) unseen: BTreeMap<String, String>,
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
    let mut unchanged: Vec<(FileId, &str)> = Vec::with_capacity(known.len());
    let changed = &mut differences.changed;
    walk(root, &mut differences.unseen, &mut |path, found| {
        let stamp = note(path, found, known, again, changed);
        if let Some((stamp, (path, _))) = stamp.zip(known.get_key_value(path)) {
            unchanged.push((stamp.file_id, path));
        }
    })?;
    differences.is_empty = unchanged.is_empty() && changed.is_empty();
    // Only what is to be read could be met twice. Where nothing is, the next walk tells.
    if !changed.is_empty() {
        look_again_at_twins(root, unchanged, known, again, changed)?;
    }
    let is_gone =
        |path: &str| !differences.unseen.keys().any(|folder| path.starts_with(folder.as_str()));
    differences.gone = known
        .iter()
        .filter(|(path, seen)| !seen.walked.load(Ordering::Relaxed) && is_gone(path))
        .map(|(path, _)| path.clone())
        .collect();
    Ok(differences)
}

/// Notes what stands at `path`. Returns the stamp of what looks as it is known and need not be read.
fn note(
    path: &str,
    found: Found,
    known: &Known,
    again: &BTreeSet<Arc<str>>,
    changed: &mut BTreeMap<Arc<str>, Change>,
) -> Option<Stamp> {
    let seen = known.get(path);
    if let Some(seen) = seen {
        seen.walk_by(true);
    }
    let is_news = match (&found, seen) {
        (Found::File(stamp), Some(seen)) => seen.print != Print::of(stamp),
        _ => true,
    };
    match found {
        Found::File(stamp) if !is_news && !again.contains(path) => Some(stamp),
        found => {
            changed.insert(path.into(), Change { found, is_news });
            None
        }
    }
}

/// A manifest that is moved while the folder is walked may be met under both its names: the one that
/// is gone by now, or is another file's, must not make the other look like a second manifest.
fn look_again_at_twins(
    root: &Path,
    unchanged: Vec<(FileId, &str)>,
    known: &Known,
    again: &BTreeSet<Arc<str>>,
    changed: &mut BTreeMap<Arc<str>, Change>,
) -> io::Result<()> {
    let mut all = unchanged;
    all.extend(changed.iter().filter_map(|(path, change)| match &change.found {
        Found::File(stamp) => Some((stamp.file_id, &**path)),
        Found::Odd(_) => None,
    }));
    all.sort_unstable();
    let twins = all.chunk_by(|a, b| a.0 == b.0).filter(|files| files.len() > 1).flatten();
    let twins: Vec<String> = twins.map(|(_, path)| (*path).to_owned()).collect();
    for path in twins {
        changed.remove(path.as_str());
        match look_at(&root.join(&path))? {
            Some(found) => _ = note(&path, found, known, again, changed),
            None => _ = known.get(path.as_str()).map(|seen| seen.walk_by(false)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::inbox::{known::Seen, scan::scan};

    fn known(root: &Path) -> Known {
        let listing = scan(root).unwrap();
        let seen = |found: Found| match found {
            Found::File(stamp) => Seen::new(Print::of(&stamp), false),
            Found::Odd(why) => panic!("{why}"),
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

    #[test]
    fn two_that_are_swapped_during_the_walk_are_not_met_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.yaml"), "a").unwrap();
        fs::write(path("b.yaml"), "bb").unwrap();
        fs::write(path("c.yaml"), "c").unwrap();
        let known = known(folder.path());
        let listing = scan(folder.path()).unwrap();
        let Found::File(a) = listing.manifests["a.yaml"].clone() else { panic!() };
        let Found::File(c) = listing.manifests["c.yaml"].clone() else { panic!() };
        // The walk saw a.yaml before, and b.yaml after they were swapped; c.yaml was there, and went.
        let mut changed = BTreeMap::from([(
            "b.yaml".into(),
            Change { found: Found::File(a.clone()), is_news: true },
        )]);
        fs::remove_file(path("c.yaml")).unwrap();
        fs::hard_link(path("a.yaml"), path("t")).unwrap();
        fs::rename(path("b.yaml"), path("a.yaml")).unwrap();
        fs::rename(path("t"), path("b.yaml")).unwrap();
        let unchanged = vec![(a.file_id, "a.yaml"), (a.file_id, "c.yaml"), (c.file_id, "d.yaml")];
        let none = BTreeSet::new();
        look_again_at_twins(folder.path(), unchanged, &known, &none, &mut changed).unwrap();
        let found = differ(folder.path(), &known, &none).unwrap();
        assert_eq!(changed, found.changed);
        assert_eq!(changed.len(), 2);
        assert_eq!(found.gone, ["c.yaml".into()]);
    }
}
