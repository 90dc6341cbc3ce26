//! Scans the folder of manifests: which manifests are there, and what is skipped.
//!
//! Opens no file and follows no link to a folder. Blocks.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::{self, DirEntry},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use super::manifest_stamp::ManifestStamp;
use crate::manifest::{FileName, IgnorePatterns, file_name, ignored_folder};

/// Folders are entered down to this depth. Deeper ones are a mistake or a trap.
const DEPTH_MAX: usize = 32;

/// No more suspicious names are reported.
const SUSPICIOUS_MAX: usize = 100;

const NOT_UTF8: &str = "the file name is not UTF-8: rename the file";
const LINKED_FOLDER: &str = "it is a link to a folder, which lipsyncd does not follow; if there are manifests in it, move the folder \
                             itself into jobs_dir";

/// A file with the name of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanEntry {
    /// A regular file.
    File(ManifestStamp),
    /// Something that cannot be a manifest, with the reason.
    Invalid(String),
}

/// Paths under the folder, with the reason.
pub(super) type SkippedPaths = BTreeMap<String, String>;

/// What a scan did not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Skipped {
    pub(super) unreadable: SkippedPaths,
    pub(super) suspicious: SkippedPaths,
}

/// The result of a scan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderListing {
    /// By path under the folder, parts joined by `/`.
    pub manifests: BTreeMap<String, ScanEntry>,
    /// Folders that could not be read, each ending in `/`, with the reason. What they contain is unknown, not gone.
    pub unreadable: BTreeMap<String, String>,
    /// Files and folders that are ignored, and may be meant as manifests, with the reason.
    pub suspicious: BTreeMap<String, String>,
}

/// Lists the manifests in the folder at `root`, and all other JSON files: only their content distinguishes them.
pub fn scan(root: &Path, ignore: &IgnorePatterns) -> io::Result<FolderListing> {
    let mut manifests = BTreeMap::new();
    let visit = |path: &str, found| _ = manifests.insert(path.to_owned(), found);
    let Skipped { unreadable, suspicious } = scan_with(root, ignore, visit)?;
    Ok(FolderListing { manifests, unreadable, suspicious })
}

/// Returns what a scan finds of a file with the name of a manifest. `path` is its path as text, `full` the complete one.
pub fn scan_entry(full: &Path, path: &str) -> io::Result<ScanEntry> {
    if path.contains('\u{FFFD}') {
        return Ok(ScanEntry::Invalid(NOT_UTF8.to_owned()));
    }
    describe_path(full)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Returns why the daemon does not enter this folder, which is at `path` under the folder of manifests.
pub fn skipped_folder(full: &Path, path: &str, ignore: &IgnorePatterns) -> Option<String> {
    let is_link = fs::symlink_metadata(full).is_ok_and(|metadata| metadata.is_symlink());
    let ignored = ignored_folder(path, ignore).map(Cow::into_owned);
    ignored.or_else(|| is_link.then(|| LINKED_FOLDER.to_owned()))
}

/// Identifies a folder, so that another folder at its path is noticed. The device is left out: an unmounted
/// share shows by the inode of the empty folder under it.
pub(super) fn folder_id(root: &Path) -> io::Result<String> {
    Ok(fs::metadata(root)?.ino().to_string())
}

/// Calls `visit` with the path of each file in the folder at `root` that has the name of a manifest.
pub(super) fn scan_with(
    root: &Path,
    ignore: &IgnorePatterns,
    visit: impl FnMut(&str, ScanEntry),
) -> io::Result<Skipped> {
    let mut scanner = Scanner { path: String::new(), ignore, skipped: Skipped::default(), visit };
    scanner.read_folder(root, 0)?;
    Ok(scanner.skipped)
}

struct Scanner<'a, V> {
    /// The current path under the root. Paths are built in place: most manifests are unchanged.
    path: String,
    ignore: &'a IgnorePatterns,
    skipped: Skipped,
    visit: V,
}

impl<V: FnMut(&str, ScanEntry)> Scanner<'_, V> {
    /// Reads one folder, whose path in `self.path` is empty or ends in `/`.
    fn read_folder(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        let length = self.path.len();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let kind = entry.file_type()?;
            self.path.truncate(length);
            self.path.push_str(&name.to_string_lossy());
            if kind.is_dir() {
                if ignored_folder(&self.path, self.ignore).is_none() {
                    self.enter_folder(&entry.path(), depth);
                }
                continue;
            }
            match file_name(&self.path, self.ignore) {
                FileName::Manifest => {
                    let found = match self.path.contains('\u{FFFD}') {
                        true => invalid(NOT_UTF8),
                        false => describe(&entry, kind.is_file())?,
                    };
                    match found {
                        Some(found) => (self.visit)(&self.path, found),
                        None => self.skip_linked_folder(&entry.path()),
                    }
                }
                FileName::Suspicious(why) => self.skip(&why),
                FileName::Other if kind.is_symlink() => self.skip_linked_folder(&entry.path()),
                FileName::Ignored(_) | FileName::Other => {}
            }
        }
        self.path.truncate(length);
        Ok(())
    }

    fn enter_folder(&mut self, folder: &Path, depth: usize) {
        self.path.push('/');
        let length = self.path.len();
        let read = if depth < DEPTH_MAX {
            self.read_folder(folder, depth + 1)
        } else {
            Err(io::Error::other(format!("it is more than {DEPTH_MAX} folders deep")))
        };
        if let Err(error) = read {
            self.path.truncate(length);
            self.skipped.unreadable.insert(self.path.clone(), error.to_string());
        }
    }

    /// Reports a link to a folder. Its name would not be ignored if it were the folder itself.
    fn skip_linked_folder(&mut self, full: &Path) {
        if fs::metadata(full).is_ok_and(|metadata| metadata.is_dir())
            && ignored_folder(&self.path, self.ignore).is_none()
        {
            self.skip(LINKED_FOLDER);
        }
    }

    fn skip(&mut self, why: &str) {
        if self.skipped.suspicious.len() < SUSPICIOUS_MAX {
            self.skipped.suspicious.insert(self.path.clone(), why.to_owned());
        }
    }
}

fn invalid(reason: &str) -> Option<ScanEntry> {
    Some(ScanEntry::Invalid(reason.to_owned()))
}

/// The metadata of a plain file come from its folder: its complete path need not be resolved again.
fn describe(entry: &DirEntry, is_file: bool) -> io::Result<Option<ScanEntry>> {
    if is_file
        && let Ok(metadata) = entry.metadata()
        && metadata.is_file()
    {
        return Ok(Some(ScanEntry::File(ManifestStamp::of(&metadata))));
    }
    describe_path(&entry.path())
}

/// Follows links. None: the file is gone, or is a folder.
fn describe_path(path: &Path) -> io::Result<Option<ScanEntry>> {
    Ok(match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Some(ScanEntry::File(ManifestStamp::of(&metadata))),
        Ok(metadata) if metadata.is_dir() => None,
        Ok(_) => invalid("it is a pipe, a socket or a device; a manifest must be a regular file"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Gone since the folder was read, or a link whose target does not exist (yet).
            let is_link = fs::symlink_metadata(path).is_ok();
            is_link.then(|| invalid("it is a link to a file that does not exist")).flatten()
        }
        Err(error) => invalid(&format!("its metadata cannot be read: {error}")),
    })
}
