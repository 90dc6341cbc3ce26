//! Errors of the output folder, each with its path.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::facts::FileFacts;

/// Why a result could not be put on disk.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages describe the variants")]
pub enum OutputError {
    #[error("{} already exists and is not a known result of lipsyncd; it is not overwritten", .0.display())]
    Foreign(PathBuf),
    #[error("{} leads out of the output folder", .0.display())]
    Escapes(PathBuf),
    #[error("the output folder {} does not exist", .0.display())]
    Gone(PathBuf),
    #[error("no space left for {}", .0.display())]
    Full(PathBuf),
    #[error("{} is on a read-only file system", .0.display())]
    ReadOnly(PathBuf),
    #[error("no permission to write {}", .0.display())]
    NoPermission(PathBuf),
    #[error("the name of {} is too long, or has characters that the file system does not allow", .0.display())]
    BadName(PathBuf),
    #[error("{} would be larger than download.max_bytes ({max_bytes} bytes)", .path.display())]
    TooLarge { path: PathBuf, max_bytes: u64 },
    /// The server sent fewer or more bytes than it reported. A part that is too short stays and can be continued.
    #[error("{} has {bytes} bytes instead of {expected_bytes}", .path.display())]
    WrongLength { path: PathBuf, bytes: u64, expected_bytes: u64 },
    /// All bytes arrived, but they are not a complete video. The part is removed.
    #[error("{} is not a complete video: {why}", .path.display())]
    Broken { path: PathBuf, why: String },
    /// All bytes arrived, and they are an incomplete video. The part stays until it is
    /// [kept](super::Part::keep_incomplete) or opened again.
    #[error("{} is not a complete video: {why}", .path.display())]
    Incomplete { path: PathBuf, why: String, facts: FileFacts },
    /// The source of a copy is no longer the published result: the result must be fetched again.
    #[error("cannot copy {}: {why}", .path.display())]
    SourceChanged { path: PathBuf, why: String },
    #[error("cannot continue {}, which has {bytes} bytes: the server sent another file, or bytes from {from_byte} on", .path.display())]
    Misfit { path: PathBuf, bytes: u64, from_byte: u64 },
    #[error("{} is not a folder", .0.display())]
    NotFolder(PathBuf),
    #[error("{}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl OutputError {
    /// The stable code for the database and for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Foreign(_) => "output_exists",
            Self::Escapes(_) => "output_escapes",
            Self::Gone(_) => "output_gone",
            Self::Full(_) => "disk_full",
            Self::ReadOnly(_) => "read_only",
            Self::NoPermission(_) => "no_permission",
            Self::BadName(_) => "bad_name",
            Self::TooLarge { .. } => "too_large",
            Self::WrongLength { .. } => "wrong_length",
            Self::Broken { .. } | Self::Incomplete { .. } => "broken_video",
            Self::SourceChanged { .. } => "source_changed",
            Self::Misfit { .. } => "misfit",
            Self::NotFolder(_) | Self::Io { .. } => "io",
        }
    }

    /// Returns true for a problem of the file system that may pass, and that the job or its download did not cause.
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Gone(_)
                | Self::Full(_)
                | Self::ReadOnly(_)
                | Self::NoPermission(_)
                | Self::NotFolder(_)
                | Self::Io { .. }
        )
    }

    /// Maps an error of the system on `path` by what a person must do about it.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| {
            let path = path.to_owned();
            match source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full(path),
                ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(path),
                ErrorKind::PermissionDenied => Self::NoPermission(path),
                ErrorKind::InvalidFilename => Self::BadName(path),
                ErrorKind::NotADirectory => {
                    Self::NotFolder(path.parent().map_or(path.clone(), Path::to_owned))
                }
                _ => Self::Io { path, source },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_are_mapped_to_codes() {
        // ENOSPC, EDQUOT, EROFS, EACCES, EPERM, ENAMETOOLONG, EIO
        for (errno, code) in [
            (28, "disk_full"),
            (122, "disk_full"),
            (30, "read_only"),
            (13, "no_permission"),
            (1, "no_permission"),
            (36, "bad_name"),
            (5, "io"),
        ] {
            let error =
                OutputError::at(Path::new("/out/a.mp4"))(io::Error::from_raw_os_error(errno));
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains("/out/a.mp4"));
        }
    }
}
