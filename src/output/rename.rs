//! Renames that last, and that replace nothing unasked.

use std::{fs, io::ErrorKind, path::Path};

use super::error::OutputError;
use crate::failpoint;

/// Gives a whole, synced file its final name, unless that name is taken.
///
/// Atomic where the file system can rename without replacing, or has hard links. Where it has neither (some
/// network and FAT file systems), a look comes before the rename, and a file that appears in between is lost.
pub(super) fn into_free(from: &Path, to: &Path) -> Result<(), OutputError> {
    failpoint::before("name.into_free");
    let Err(failed) = tempfile::TempPath::try_from_path(from)
        .map_err(OutputError::at(from))?
        .persist_noclobber(to)
    else {
        failpoint::after("name.into_free");
        return Ok(());
    };
    // Dropped, it would delete the file.
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

/// Gives a whole, synced file its final name, in place of one that is known to be lipsyncd's own.
pub(super) fn over_ours(from: &Path, to: &Path) -> Result<(), OutputError> {
    failpoint::before("name.over_ours");
    fs::rename(from, to).map_err(OutputError::at(to))?;
    failpoint::after("name.over_ours");
    Ok(())
}

/// Whether anything has this name, a dangling link too.
pub(super) fn exists(path: &Path) -> Result<bool, OutputError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(OutputError::at(path)(error)),
    }
}

/// Removes a file that need not be there.
pub(super) fn remove_if_there(path: &Path) -> Result<(), OutputError> {
    // Most often it is not there: to look takes no lock on the folder, to remove does.
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
