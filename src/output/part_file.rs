//! The file of a part: opened again, created, or removed with its note.

use std::{
    fs::{File, OpenOptions},
    io::ErrorKind,
    path::Path,
};

use super::{
    digest::{has_facts, is_plain_file},
    error::OutputError,
    facts::FileFacts,
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

/// Returns true if the part has the recorded size and SHA-256, and syncs it: another task of this place may have written
/// it, and not have synced it yet.
pub(super) fn has_synced_facts(part: &Path, facts: &FileFacts) -> Result<bool, OutputError> {
    let has_facts = has_facts(part, facts)?;
    if has_facts {
        failpoint::around("part.sync", || File::open(part)?.sync_all())
            .map_err(OutputError::at(part))?;
    }
    Ok(has_facts)
}

/// Removes a part and its note.
pub(super) fn discard(part: &Path) -> Result<(), OutputError> {
    PartNote::remove(part)?;
    remove_if_there(part)
}
