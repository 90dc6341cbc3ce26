//! What can go wrong on disk, each with its path, in sentences for people.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// Why a result could not be put on disk.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A file is in the way that is not known to be lipsyncd's own.
    #[error("{} is there already and is not this job's own; it is not overwritten", .0.display())]
    Foreign(PathBuf),
    /// An output path that leaves the output folder, by its spelling or through a symbolic link.
    #[error("{} leads out of the output folder", .0.display())]
    Escapes(PathBuf),
    /// The output folder itself is not there: removed, or on a share that is not mounted.
    #[error("the output folder {} is not there", .0.display())]
    Gone(PathBuf),
    /// The disk or the quota is full.
    #[error("no space is left for {}", .0.display())]
    Full(PathBuf),
    /// The file system is mounted read-only.
    #[error("{} is on a file system that is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// Missing permission.
    #[error("no permission to write {}", .0.display())]
    NoPermission(PathBuf),
    /// A name that the file system does not take.
    #[error("the name of {} is too long, or holds characters that the file system does not take", .0.display())]
    BadName(PathBuf),
    /// More bytes than are allowed.
    #[error("{} would be larger than {max_bytes} bytes, the most that download.max_bytes allows", .path.display())]
    TooLarge {
        /// The part file.
        path: PathBuf,
        /// The bound.
        max_bytes: u64,
    },
    /// Fewer or more bytes came than the server had told. A shorter part stays, to be continued.
    #[error("{} has {bytes} bytes instead of {expected_bytes}", .path.display())]
    WrongLength {
        /// The part file.
        path: PathBuf,
        /// What is there.
        bytes: u64,
        /// What the server told.
        expected_bytes: u64,
    },
    /// All bytes came, but they are no whole video. The part is gone.
    #[error("what was downloaded to {} is not a whole video: {why}", .path.display())]
    Broken {
        /// The part file.
        path: PathBuf,
        /// As the check says.
        why: String,
    },
    /// The source of a copy is not the published result any more: it must be fetched again.
    #[error("cannot copy {}: {why}", .path.display())]
    SourceChanged {
        /// The source.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// What the server sent does not go on from the file on disk.
    #[error("what the server sent from byte {from_byte} on does not go with {}, which has {bytes} bytes", .path.display())]
    Misfit {
        /// The part file.
        path: PathBuf,
        /// What is there.
        bytes: u64,
        /// Where the server's part begins.
        from_byte: u64,
    },
    /// Any other failure of the file system.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl OutputError {
    /// A stable name for the database and for scripts.
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
            Self::Broken { .. } => "broken_video",
            Self::SourceChanged { .. } => "source_changed",
            Self::Misfit { .. } => "misfit",
            Self::Io { .. } => "io",
        }
    }

    /// Whether it is the file system that takes nothing at the moment, and neither the job's nor the
    /// download's fault.
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Gone(_)
                | Self::Full(_)
                | Self::ReadOnly(_)
                | Self::NoPermission(_)
                | Self::Io { .. }
        )
    }

    /// The error of the system on `path`, told apart by what a person would do about it.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| {
            let path = path.to_owned();
            match source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full(path),
                ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(path),
                ErrorKind::PermissionDenied => Self::NoPermission(path),
                ErrorKind::InvalidFilename => Self::BadName(path),
                _ => Self::Io { path, source },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_errors_are_told_apart() {
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
