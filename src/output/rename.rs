//! Renames that never replace a file by accident.

use std::{fs, io::ErrorKind, path::Path};

use super::error::OutputError;
use crate::failpoint;

/// Gives a complete, synced file its final name, unless that name is taken.
///
/// Atomic where the file system can rename without replacing, or has hard links. Some network and FAT file systems
/// have neither: there a check comes before the rename, and a file that appears in between is lost.
pub(super) fn into_free(from: &Path, to: &Path) -> Result<(), OutputError> {
    failpoint::before("name.into_free");
    let Err(failed) = tempfile::TempPath::try_from_path(from)
        .map_err(OutputError::at(from))?
        .persist_noclobber(to)
    else {
        failpoint::after("name.into_free");
        return Ok(());
    };
    // If dropped, the path would delete the file.
    failed.path.keep().map_err(|kept| OutputError::at(from)(kept.error))?;
    match failed.error.kind() {
        ErrorKind::AlreadyExists => Err(OutputError::Foreign(to.to_owned())),
        ErrorKind::Unsupported | ErrorKind::PermissionDenied | ErrorKind::InvalidInput => {
            if exists(to)? {
                return Err(OutputError::Foreign(to.to_owned()));
            }
            over_ours(from, to)
        }
        _ => Err(OutputError::at(to)(failed.error)),
    }
}

/// Gives a published file the name under which it is kept, unless that name is taken.
pub(super) fn set_aside(from: &Path, to: &Path) -> Result<(), OutputError> {
    failpoint::around("name.set_aside", || into_free(from, to))
}

/// Gives a complete, synced file its final name. Replaces a file that is known to be lipsyncd's own.
pub(super) fn over_ours(from: &Path, to: &Path) -> Result<(), OutputError> {
    failpoint::around("name.over_ours", || fs::rename(from, to)).map_err(OutputError::at(to))
}

/// Returns true if anything has this name, also a dangling link.
pub(super) fn exists(path: &Path) -> Result<bool, OutputError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(OutputError::at(path)(error)),
    }
}

/// Removes a file, if there is one.
pub(super) fn remove_if_there(path: &Path) -> Result<(), OutputError> {
    // Usually there is no file. Unlike a removal, this check does not lock the folder.
    if !exists(path)? {
        return Ok(());
    }
    failpoint::before("file.remove");
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        removed => removed.map_err(OutputError::at(path))?,
    }
    failpoint::after("file.remove");
    Ok(())
}
