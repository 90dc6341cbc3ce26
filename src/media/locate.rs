//! Finds a manifest's local file, and checks that it may be used.
//!
//! Owns the rule of the allowed folders: after links are resolved, a file must be in `jobs_dir` or one of
//! `media.dirs`, so that a manifest cannot send other files of the machine to Kling. Reads metadata, never content.

use std::{
    fs::{self, File, FileType},
    io,
    os::unix::{ffi::OsStrExt, fs::FileTypeExt},
    path::{Component, Path, PathBuf},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::{open::open_resolved, stamp::FileStamp, unicode_form::in_other_form};

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
    /// Relative to its folder: the first of `media.dirs` that contains it, else `jobs_dir`.
    pub public_path: PathBuf,
    /// Shows whether it is still the same file with the same content.
    pub stamp: FileStamp,
}

/// Why a file cannot be used. Its text is for users.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages describe the variants")]
pub enum LocateError {
    /// It does not exist, at least not yet.
    #[error("there is no file `{as_written}`{}", searched(.looked_in))]
    Missing { as_written: String, looked_in: Vec<PathBuf> },
    #[error(
        "`{as_written}` is outside the allowed folders: after links are resolved, a file must be in jobs_dir or one of media.dirs"
    )]
    Outside { as_written: String },
    #[error("`{as_written}` is {what}, not a file")]
    NotFile { as_written: String, what: &'static str },
    /// It was replaced or written since it was located.
    #[error("`{0}` changed while it was read")]
    Changed(PathBuf),
    #[error("`{as_written}` cannot be read: {error}")]
    Io { as_written: String, error: io::Error },
}

impl LocateError {
    /// Returns the stable code for the database and for `--json`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "file_missing",
            Self::Outside { .. } => "file_outside",
            Self::NotFile { .. } => "file_not_regular",
            Self::Changed(_) => "file_changed",
            Self::Io { .. } => "file_unreadable",
        }
    }

    /// Describes it for a file of this kind, `audio` or `video`, in one sentence.
    #[must_use]
    pub fn describe(&self, kind: &str) -> String {
        match self {
            Self::Missing { as_written, looked_in } => {
                format!("there is no {kind} file `{as_written}`{}", searched(looked_in))
            }
            _ => format!("{kind} {self}"),
        }
    }
}

fn searched(folders: &[PathBuf]) -> String {
    match folders {
        [] => String::new(),
        _ => {
            let folders: Vec<_> = folders.iter().map(|dir| dir.display().to_string()).collect();
            format!(" (looked in {})", folders.join(", "))
        }
    }
}

impl Locator {
    /// Finds the file that a manifest in `manifest_dir` calls `as_written`: beside the manifest, then
    /// in each of `media.dirs`. The first one that exists is used.
    ///
    /// # Errors
    /// When it does not exist ([`LocateError::Missing`], which may change), is outside the folders, or is not a
    /// regular file.
    pub fn locate(&self, manifest_dir: &Path, as_written: &str) -> Result<Located, LocateError> {
        let io = |error| LocateError::Io { as_written: as_written.to_owned(), error };
        let mut looked_in = Vec::new();
        for folder in [manifest_dir].into_iter().chain(self.media_dirs.iter().map(PathBuf::as_path))
        {
            match resolve(folder, as_written) {
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
        Err(LocateError::Missing { as_written: as_written.to_owned(), looked_in })
    }

    fn admit(&self, path: PathBuf, as_written: &str) -> Result<Located, LocateError> {
        let as_written = as_written.to_owned();
        let Some(public_path) = self.within(&path) else {
            return Err(LocateError::Outside { as_written });
        };
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                let stamp = FileStamp::of(&metadata);
                Ok(Located { path, public_path, stamp })
            }
            Ok(metadata) => {
                Err(LocateError::NotFile { as_written, what: describe(metadata.file_type()) })
            }
            Err(error) if is_missing(&error) => {
                Err(LocateError::Missing { as_written, looked_in: Vec::new() })
            }
            Err(error) => Err(LocateError::Io { as_written, error }),
        }
    }

    /// Returns the path relative to the first folder that contains it.
    pub(super) fn within(&self, path: &Path) -> Option<PathBuf> {
        self.media_dirs.iter().chain([&self.jobs_dir]).find_map(|folder| {
            let folder = fs::canonicalize(folder).ok()?;
            path.strip_prefix(folder).ok().map(Path::to_owned)
        })
    }
}

impl Located {
    /// Opens the file, and checks that it is the one that was located.
    pub fn open(&self) -> Result<File, LocateError> {
        match open_resolved(&self.path) {
            Ok((file, metadata)) if FileStamp::of(&metadata) == self.stamp => Ok(file),
            Ok(_) => Err(LocateError::Changed(self.path.clone())),
            Err(error) if is_missing(&error) => Err(LocateError::Changed(self.path.clone())),
            Err(error) => {
                Err(LocateError::Io { as_written: self.path.display().to_string(), error })
            }
        }
    }
}

/// Returns the URL of a file under `base`. Each part of its path is percent-encoded.
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

/// Resolves links of a path below `folder`. A name of another Unicode form that people cannot distinguish is the same
/// name: copies from macOS have such names.
fn resolve(folder: &Path, as_written: &str) -> io::Result<PathBuf> {
    match fs::canonicalize(folder.join(as_written)) {
        Err(error) if is_missing(&error) => match in_other_form(folder, as_written) {
            Some(path) => fs::canonicalize(path),
            None => Err(error),
        },
        resolved => resolved,
    }
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
