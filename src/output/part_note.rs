//! The note beside a part file: what the part belongs to, and how many of its bytes are synced.
//!
//! After a power failure, a file can have its length without its bytes. So a part is only continued from the bytes
//! that were synced before the note was written. If the note is missing or unreadable, the part starts again.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{error::OutputError, rename};
use crate::failpoint;

/// What is recorded about a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartNote {
    /// The task and video of the part.
    pub(super) source: String,
    /// ETag of the file.
    pub(super) etag: String,
    /// Number of synced bytes.
    pub(super) synced_bytes: u64,
}

impl PartNote {
    /// Reads the note beside `part`. A note that is unreadable or not `wanted` is removed.
    pub(super) fn read_or_remove(
        part: &Path,
        wanted: impl Fn(&Self) -> bool,
    ) -> Result<Option<Self>, OutputError> {
        let path = path_of(part);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OutputError::at(&path)(error)),
        };
        let note = serde_json::from_slice(&text).ok().filter(wanted);
        if note.is_none() {
            Self::remove(part)?;
        }
        Ok(note)
    }

    /// Writes the note beside `part`, completely or not at all. It needs no sync: losing it only costs time.
    pub(super) fn write(&self, part: &Path) -> Result<(), OutputError> {
        let (path, fresh) = (path_of(part), fresh_of(part));
        let text = serde_json::json!(self).to_string();
        failpoint::around("note.write", || fs::write(&fresh, text))
            .map_err(OutputError::at(&fresh))?;
        rename::over_ours(&fresh, &path)
    }

    /// Removes the note beside `part`, and the file of a failed write.
    pub(super) fn remove(part: &Path) -> Result<(), OutputError> {
        rename::remove_if_there(&fresh_of(part))?;
        rename::remove_if_there(&path_of(part))
    }
}

/// The name of a note until it is complete.
fn fresh_of(part: &Path) -> PathBuf {
    part.with_extension("new")
}

/// `.NAME.part` has `.NAME.note`: no longer than the part's own name.
fn path_of(part: &Path) -> PathBuf {
    part.with_extension("note")
}
