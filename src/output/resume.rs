//! The note beside a part file: what it is a part of, and how much of it is certainly on disk.
//!
//! A file's length can outlive its bytes when the power fails. So a part is only continued from what was
//! synced before the note was written; a note that is missing or unreadable means to start anew.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{error::OutputError, rename};
use crate::failpoint;

/// What is known of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Whose part it is.
    pub(super) source: String,
    /// The server's name for the file it is a part of.
    pub(super) etag: String,
    /// How many bytes of it are synced.
    pub(super) synced_bytes: u64,
}

impl Note {
    /// The note beside `part`, if there is one that can be read.
    pub(super) fn read(part: &Path) -> Result<Option<Self>, OutputError> {
        let path = path_of(part);
        match fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OutputError::at(&path)(error)),
        }
    }

    /// Writes the note beside `part`, whole or not at all. It need not be synced: losing it loses time only.
    pub(super) fn write(&self, part: &Path) -> Result<(), OutputError> {
        let (path, fresh) = (path_of(part), fresh_of(part));
        let text = serde_json::json!(self).to_string();
        failpoint::before("note.write");
        fs::write(&fresh, text).map_err(OutputError::at(&fresh))?;
        failpoint::after("note.write");
        rename::over_ours(&fresh, &path)
    }

    /// Removes the note beside `part`, and what a write of it that failed has left.
    pub(super) fn remove(part: &Path) -> Result<(), OutputError> {
        rename::remove_if_there(&fresh_of(part))?;
        rename::remove_if_there(&path_of(part))
    }
}

/// What a note is called until it is whole.
fn fresh_of(part: &Path) -> PathBuf {
    part.with_extension("new")
}

/// `.NAME.part` has `.NAME.note`: no longer than the part's own name.
fn path_of(part: &Path) -> PathBuf {
    part.with_extension("note")
}
