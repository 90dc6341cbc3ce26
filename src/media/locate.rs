//! Where a manifest's local file lies, and whether it may be used.
//!
//! Owns the rule of the folders: what a manifest names must, after links are resolved, lie in
//! `jobs_dir` or one of `media.dirs`, so that a manifest cannot send off the machine's other files. It
//! looks at files and never reads them.

use std::{
    fmt,
    fs::{self, File, FileType, Metadata},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
    path::{Component, Path, PathBuf},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::open_resolved;

/// All but RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Finds local media by the names that manifests give them.
#[derive(Debug, Clone)]
pub struct Locator {
    /// The folder of manifests.
    pub jobs_dir: PathBuf,
    /// `media.dirs`, in their order.
    pub media_dirs: Vec<PathBuf>,
}

/// A local file that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Absolute, with links resolved.
    pub path: PathBuf,
    /// Relative to the folder it lies in: the first of `media.dirs` that holds it, else `jobs_dir`.
    pub public_path: PathBuf,
    /// The size of the file.
    pub bytes: u64,
    /// When its content changed last, as Unix time in nanoseconds.
    pub modified_ns: i64,
    /// Tells whether it is still the same file with the same content.
    pub fingerprint: Fingerprint,
}

/// A file's identity at one moment. Equal fingerprints mean that nothing was written in between.
///
/// The device is left out: its number may differ after a reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    inode: u64,
    bytes: u64,
    modified_ns: i64,
    /// When anything about it changed last, which no program can set back.
    changed_ns: i64,
}

/// Why a file cannot be used. Its text is for users.
#[derive(Debug, thiserror::Error)]
pub enum LocateFault {
    /// It is not there, at least not yet.
    #[error("there is no file `{as_written}`{}", looked(.looked_in))]
    Missing {
        /// The name in the manifest.
        as_written: String,
        /// The folders that were searched, in order.
        looked_in: Vec<PathBuf>,
    },
    /// It is there, and must not be used.
    #[error(
        "`{as_written}` lies outside the folders that files may come from: after links are resolved it must be in jobs_dir or one of media.dirs"
    )]
    Outside {
        /// The name in the manifest.
        as_written: String,
    },
    /// A folder, a FIFO, a device or a socket.
    #[error("`{as_written}` is {what}, not a file")]
    NotFile {
        /// The name in the manifest.
        as_written: String,
        /// What it is, with its article.
        what: &'static str,
    },
    /// It was replaced or written since it was located.
    #[error("`{0}` was changed meanwhile")]
    Changed(
        /// The path of the file.
        PathBuf,
    ),
    /// It cannot be looked at.
    #[error("`{as_written}` cannot be read: {error}")]
    Io {
        /// The name in the manifest, or the path of the file.
        as_written: String,
        /// What the system says.
        error: io::Error,
    },
}

impl LocateFault {
    /// Its name in the database and in `--json`, which stays the same when the sentence changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "file_missing",
            Self::Outside { .. } => "file_outside",
            Self::NotFile { .. } => "file_not_regular",
            Self::Changed(_) => "file_changed",
            Self::Io { .. } => "file_unreadable",
        }
    }
}

fn looked(folders: &[PathBuf]) -> String {
    match folders {
        [] => String::new(),
        _ => {
            let folders: Vec<_> = folders.iter().map(|dir| dir.display().to_string()).collect();
            format!("; looked in {}", folders.join(", "))
        }
    }
}

impl Locator {
    /// Finds the file that a manifest in `manifest_dir` calls `as_written`: beside the manifest, then
    /// in each of `media.dirs`; the first that is there counts.
    ///
    /// # Errors
    /// When it is nowhere ([`LocateFault::Missing`], which may change), lies outside the folders, or
    /// is no regular file.
    pub fn locate(&self, manifest_dir: &Path, as_written: &str) -> Result<Located, LocateFault> {
        let io = |error| LocateFault::Io { as_written: as_written.to_owned(), error };
        let mut looked_in = Vec::new();
        for folder in [manifest_dir].into_iter().chain(self.media_dirs.iter().map(PathBuf::as_path))
        {
            match fs::canonicalize(folder.join(as_written)) {
                Ok(path) => return self.admit(path, as_written),
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(io(error)),
            }
            // An absolute name is in one place only, whatever it is joined to.
            if Path::new(as_written).is_absolute() {
                break;
            }
            looked_in.push(folder.to_owned());
        }
        Err(LocateFault::Missing { as_written: as_written.to_owned(), looked_in })
    }

    fn admit(&self, path: PathBuf, as_written: &str) -> Result<Located, LocateFault> {
        let as_written = as_written.to_owned();
        let Some(public_path) = self.within(&path) else {
            return Err(LocateFault::Outside { as_written });
        };
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                let fingerprint = Fingerprint::of(&metadata);
                let Fingerprint { bytes, modified_ns, .. } = fingerprint;
                Ok(Located { path, public_path, bytes, modified_ns, fingerprint })
            }
            Ok(metadata) => {
                Err(LocateFault::NotFile { as_written, what: describe(metadata.file_type()) })
            }
            Err(error) if is_missing(&error) => {
                Err(LocateFault::Missing { as_written, looked_in: Vec::new() })
            }
            Err(error) => Err(LocateFault::Io { as_written, error }),
        }
    }

    /// The path relative to the first folder that holds it. A folder that is not there holds nothing.
    fn within(&self, path: &Path) -> Option<PathBuf> {
        self.media_dirs.iter().chain([&self.jobs_dir]).find_map(|folder| {
            let folder = fs::canonicalize(folder).ok()?;
            path.strip_prefix(folder).ok().map(Path::to_owned)
        })
    }
}

impl Located {
    /// Opens the file, and makes sure that it is the one that was located.
    ///
    /// # Errors
    /// When it was changed or replaced since, or cannot be opened.
    pub fn open(&self) -> Result<File, LocateFault> {
        match open_resolved(&self.path) {
            Ok((file, metadata)) if Fingerprint::of(&metadata) == self.fingerprint => Ok(file),
            Ok(_) => Err(LocateFault::Changed(self.path.clone())),
            Err(error) if is_missing(&error) => Err(LocateFault::Changed(self.path.clone())),
            Err(error) => {
                Err(LocateFault::Io { as_written: self.path.display().to_string(), error })
            }
        }
    }
}

impl Fingerprint {
    fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, ns| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The form that the database keeps: `<inode>:<bytes>:<modified_ns>:<changed_ns>`. One that an older
/// version kept lacks the last, and equals none: such a file is looked at again.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.inode, self.bytes, self.modified_ns, self.changed_ns)
    }
}

/// The address of a file under `base`, each part of its path percent-encoded.
pub fn public_url(base: &str, relative: &Path) -> String {
    let mut url = base.trim_end_matches('/').to_owned();
    for part in relative.components() {
        if let Component::Normal(part) = part {
            url.push('/');
            url.extend(percent_encode(part.as_bytes(), ESCAPED));
        }
    }
    url
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn describe(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests;
