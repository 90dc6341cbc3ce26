//! Whether a result could be written at its place, found out by writing there.

use std::io::Write as _;

use super::{
    error::OutputError,
    place::{Kind, Place},
    rename::exists,
};

/// What a file system that is full does not take. It says nothing of the size of a result: that one
/// that turns out too large for what is left waits for room.
const TRIED_BYTES: usize = 4 << 10;

/// Whether the file system takes the names that a job's files have until they are whole: they are longer
/// than the final ones.
///
/// # Errors
/// What the file system says.
pub fn require_names(place: &Place, watermark: bool) -> Result<(), OutputError> {
    // The parts of a superseded task have the longest names.
    let longest = place.superseded("");
    let kind = if watermark { Kind::Watermark } else { Kind::Result };
    exists(&Place::part_of(&longest.video(kind)))?;
    Ok(())
}

/// Whether files can be made and written at the place. To be asked before anything is paid for.
///
/// What is tried has no name, or loses it at once: nothing of it stays, even after a crash.
///
/// # Errors
/// What the file system says.
pub fn require_room(place: &Place) -> Result<(), OutputError> {
    let folder = place.folder();
    tempfile::tempfile_in(folder)
        .and_then(|mut tried| tried.write_all(&[0; TRIED_BYTES]))
        .map_err(OutputError::at(folder))
}
