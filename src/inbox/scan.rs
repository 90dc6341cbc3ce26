//! One walk over the folder of manifests: what is there, and what could not be seen.
//!
//! It opens no file and follows no link to a folder.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use crate::manifest::{ignored_folder, is_manifest};

/// So deep are folders entered: deeper ones are a mistake, or a trap.
const DEPTH_MAX: usize = 32;

/// What identifies a file and its content, without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Its size.
    pub bytes: u64,
    /// When it was last written, in ns since 1970.
    pub modified_ns: i128,
    /// Device and inode, which stay when it is renamed.
    pub file_id: String,
}

/// A name that a manifest may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A regular file.
    File(Stamp),
    /// Something that cannot be a manifest, in words.
    Odd(String),
}

/// What a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// By path under the folder, parts joined by `/`.
    pub manifests: BTreeMap<String, Found>,
    /// Folders that could not be read, each ending in `/`, with the reason: what lies there is
    /// unknown, not gone.
    pub unseen: BTreeMap<String, String>,
    /// Tells the folder itself from another one in its place.
    pub folder_id: String,
}

impl Stamp {
    /// What is compared to tell whether a manifest must be read again.
    #[must_use]
    pub fn print(&self) -> String {
        format!("{} {}", self.bytes, self.modified_ns)
    }

    /// The stamp of a file by its metadata.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let modified_ns = i128::from(metadata.mtime()) * 1_000_000_000;
        Self {
            bytes: metadata.len(),
            modified_ns: modified_ns + i128::from(metadata.mtime_nsec()),
            file_id: format!("{}:{}", metadata.dev(), metadata.ino()),
        }
    }
}

impl Listing {
    /// Whether the walk could not see what lies at `path`.
    #[must_use]
    pub fn is_unseen(&self, path: &str) -> bool {
        self.unseen.keys().any(|folder| path.starts_with(folder.as_str()))
    }
}

/// Walks the folder at `root`.
///
/// # Errors
/// When the folder itself is not there or cannot be read; folders in it that cannot are told in the
/// listing.
pub fn scan(root: &Path) -> io::Result<Listing> {
    // The device is left out: an unmounted share shows by the inode of the empty folder under it.
    let folder_id = fs::metadata(root)?.ino().to_string();
    let mut listing = Listing { folder_id, ..Listing::default() };
    walk(root, "", 0, &mut listing)?;
    look_again_at_twins(root, &mut listing)?;
    Ok(listing)
}

/// A manifest that is moved while the folder is walked may be met under both its names: the one that
/// is gone by now, or is another file's, must not make the other look like a second manifest.
fn look_again_at_twins(root: &Path, listing: &mut Listing) -> io::Result<()> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, found) in &listing.manifests {
        if let Found::File(stamp) = found {
            names.entry(stamp.file_id.clone()).or_default().push(path.clone());
        }
    }
    for path in names.into_values().filter(|names| names.len() > 1).flatten() {
        match look_at(&root.join(&path))? {
            Some(found) => listing.manifests.insert(path, found),
            None => listing.manifests.remove(&path),
        };
    }
    Ok(())
}

fn walk(folder: &Path, prefix: &str, depth: usize, listing: &mut Listing) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let kind = entry.file_type()?;
        let path = format!("{prefix}{}", name.to_string_lossy());
        if kind.is_dir() {
            if ignored_folder(&name) {
                continue;
            }
            let prefix = format!("{path}/");
            let entered = if depth >= DEPTH_MAX {
                Err(io::Error::other(format!("it lies more than {DEPTH_MAX} folders deep")))
            } else {
                walk(&entry.path(), &prefix, depth + 1, listing)
            };
            if let Err(error) = entered {
                listing.unseen.insert(prefix, error.to_string());
            }
        } else if is_manifest(&name) {
            let found = if name.to_str().is_none() || path.contains('\u{FFFD}') {
                Some(Found::Odd("its name is not UTF-8: rename it".to_owned()))
            } else {
                look_at(&entry.path())?
            };
            if let Some(found) = found {
                listing.manifests.insert(path, found);
            }
        }
    }
    Ok(())
}

/// None: it went away meanwhile.
fn look_at(path: &Path) -> io::Result<Option<Found>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(Found::File(Stamp::of(&metadata)))),
        Ok(metadata) if metadata.is_dir() => Ok(None),
        Ok(_) => Ok(Some(Found::Odd(
            "it is a pipe, a socket or a device: a manifest must be a regular file".to_owned(),
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Gone, or a link that leads nowhere (yet).
            let dangling = fs::symlink_metadata(path).is_ok();
            Ok(dangling.then(|| Found::Odd("it is a link that leads nowhere".to_owned())))
        }
        Err(error) => Ok(Some(Found::Odd(format!("it cannot be looked at: {error}")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_are_swapped_during_the_walk_are_not_met_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.yaml"), "a").unwrap();
        fs::write(path("b.yaml"), "bb").unwrap();
        fs::write(path("c.yaml"), "c").unwrap();
        let mut listing = scan(folder.path()).unwrap();
        // The walk saw a.yaml before, and b.yaml after they were swapped; c.yaml was there, and went.
        let a = listing.manifests["a.yaml"].clone();
        listing.manifests.insert("b.yaml".to_owned(), a.clone());
        listing.manifests.insert("c.yaml".to_owned(), a);
        fs::rename(path("a.yaml"), path("c.yaml")).unwrap();
        fs::rename(path("b.yaml"), path("a.yaml")).unwrap();
        fs::rename(path("c.yaml"), path("b.yaml")).unwrap();
        look_again_at_twins(folder.path(), &mut listing).unwrap();
        assert_eq!(listing, scan(folder.path()).unwrap());
        assert_eq!(listing.manifests.len(), 2);
    }
}
