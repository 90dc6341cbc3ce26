//! One walk over the folder of manifests: what is there, and what could not be seen.
//!
//! It opens no file and follows no link to a folder.

use std::{
    collections::BTreeMap,
    fs::{self, DirEntry, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use crate::manifest::{ignored_folder, is_manifest};

/// So deep are folders entered: deeper ones are a mistake, or a trap.
const DEPTH_MAX: usize = 32;

/// What identifies a file and its content, without reading it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManifestStamp {
    /// Its size.
    pub bytes: u64,
    /// When it was last written, in ns since 1970.
    pub modified_ns: i128,
}

/// A name that a manifest may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanEntry {
    /// A regular file.
    File(ManifestStamp),
    /// Something that cannot be a manifest, in words.
    Invalid(String),
}

/// What a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderListing {
    /// By path under the folder, parts joined by `/`.
    pub manifests: BTreeMap<String, ScanEntry>,
    /// Folders that could not be read, each ending in `/`, with the reason: what lies there is
    /// unknown, not gone.
    pub unreadable: BTreeMap<String, String>,
}

impl ManifestStamp {
    /// The stamp of a file by its metadata.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let modified_ns = i128::from(metadata.mtime()) * 1_000_000_000;
        Self { bytes: metadata.len(), modified_ns: modified_ns + i128::from(metadata.mtime_nsec()) }
    }
}

/// Walks the folder at `root`.
///
/// # Errors
/// When the folder itself is not there or cannot be read; folders in it that cannot are told in the
/// listing.
pub fn scan(root: &Path) -> io::Result<FolderListing> {
    let mut manifests = BTreeMap::new();
    let mut unreadable = BTreeMap::new();
    walk(root, &mut unreadable, &mut |path, found| _ = manifests.insert(path.to_owned(), found))?;
    Ok(FolderListing { manifests, unreadable })
}

/// Tells a folder from another one in its place. The device is left out: an unmounted share shows by
/// the inode of the empty folder under it.
pub(super) fn folder_id(root: &Path) -> io::Result<String> {
    Ok(fs::metadata(root)?.ino().to_string())
}

/// Calls `met` with all that may be a manifest in the folder at `root`. Folders that cannot be read come
/// to `unreadable`, as in [`FolderListing`].
pub(super) fn walk(
    root: &Path,
    unreadable: &mut BTreeMap<String, String>,
    met: &mut impl FnMut(&str, ScanEntry),
) -> io::Result<()> {
    enter(root, &mut String::new(), 0, unreadable, met)
}

/// `path` ends in `/`, or is empty for the root; it is left as it was.
fn enter(
    folder: &Path,
    path: &mut String,
    depth: usize,
    unreadable: &mut BTreeMap<String, String>,
    met: &mut impl FnMut(&str, ScanEntry),
) -> io::Result<()> {
    let length = path.len();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let kind = entry.file_type()?;
        path.truncate(length);
        path.push_str(&name.to_string_lossy());
        if kind.is_dir() {
            if ignored_folder(&name) {
                continue;
            }
            path.push('/');
            let entered_length = path.len();
            let entered = if depth >= DEPTH_MAX {
                Err(io::Error::other(format!("it lies more than {DEPTH_MAX} folders deep")))
            } else {
                enter(&entry.path(), path, depth + 1, unreadable, met)
            };
            if let Err(error) = entered {
                path.truncate(entered_length);
                unreadable.insert(path.clone(), error.to_string());
            }
        } else if is_manifest(&name) {
            let found = if name.to_str().is_none() || path.contains('\u{FFFD}') {
                Some(ScanEntry::Invalid("its name is not UTF-8: rename it".to_owned()))
            } else if kind.is_file() {
                look_at_file(&entry)?
            } else {
                look_at(&entry.path())?
            };
            if let Some(found) = found {
                met(path, found);
            }
        }
    }
    path.truncate(length);
    Ok(())
}

/// What is no link is looked at from its folder: its whole path need not be followed.
fn look_at_file(entry: &DirEntry) -> io::Result<Option<ScanEntry>> {
    match entry.metadata() {
        Ok(metadata) if metadata.is_file() => {
            Ok(Some(ScanEntry::File(ManifestStamp::of(&metadata))))
        }
        _ => look_at(&entry.path()),
    }
}

/// None: it went away meanwhile.
pub(super) fn look_at(path: &Path) -> io::Result<Option<ScanEntry>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            Ok(Some(ScanEntry::File(ManifestStamp::of(&metadata))))
        }
        Ok(metadata) if metadata.is_dir() => Ok(None),
        Ok(_) => Ok(Some(ScanEntry::Invalid(
            "it is a pipe, a socket or a device: a manifest must be a regular file".to_owned(),
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Gone, or a link that leads nowhere (yet).
            let dangling = fs::symlink_metadata(path).is_ok();
            Ok(dangling.then(|| ScanEntry::Invalid("it is a link that leads nowhere".to_owned())))
        }
        Err(error) => Ok(Some(ScanEntry::Invalid(format!("it cannot be looked at: {error}")))),
    }
}
