//! The file of a part: opened again, created, or removed with its note.

use std::{
    fs::{File, OpenOptions},
    io::ErrorKind,
    path::Path,
};

use super::{
    digest::is_plain_file,
    error::OutputError,
    part_note::PartNote,
    rename::{exists, remove_if_there},
};
use crate::failpoint;

/// Opens a part that may be continued.
pub(super) fn reopen(path: &Path) -> Result<File, OutputError> {
    // Through a link, the download would write somewhere else.
    if exists(path)? && !is_plain_file(path)? {
        return Err(OutputError::Foreign(path.to_owned()));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(OutputError::at(path))
}

/// Creates an empty part. A part that is there is removed: another task may still write to that file.
pub(super) fn create(path: &Path) -> Result<File, OutputError> {
    let create_new = || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        failpoint::around("part.empty", || options.open(path))
    };
    let created = match create_new() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if !is_plain_file(path)? {
                return Err(OutputError::Foreign(path.to_owned()));
            }
            discard(path)?;
            create_new()
        }
        created => created,
    };
    created.map_err(OutputError::at(path))
}

/// Removes a part and its note.
pub(super) fn discard(part: &Path) -> Result<(), OutputError> {
    PartNote::remove(part)?;
    remove_if_there(part)
}
