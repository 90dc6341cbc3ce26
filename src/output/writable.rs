//! Checks before payment that a result can be written at its place.

use std::io::Write as _;

use super::{
    error::OutputError,
    paths::{OutputPaths, VideoKind},
    rename::exists,
};

/// Size of the test file: enough to notice a full file system. A result that is larger than the free space waits.
const TEST_BYTES: usize = 4 << 10;

/// Checks that the file system allows the longest names that a job's files can have.
///
/// These are the hidden names of part files, and the names of earlier results.
///
/// # Errors
/// What the file system reports.
pub fn check_names(paths: &OutputPaths, watermark: bool) -> Result<(), OutputError> {
    // The parts of a superseded task have the longest names.
    let longest = paths.superseded("");
    let kind = if watermark { VideoKind::Watermark } else { VideoKind::Result };
    exists(&OutputPaths::part_of(&longest.video(kind)))?;
    Ok(())
}

/// Checks that files can be created and written at the place. Call it before anything is paid.
///
/// The test file has no name, or loses it at once: nothing stays, even after a crash.
///
/// # Errors
/// What the file system reports.
pub fn check_writable(paths: &OutputPaths) -> Result<(), OutputError> {
    let folder = paths.folder();
    tempfile::tempfile_in(folder)
        .and_then(|mut file| file.write_all(&[0; TEST_BYTES]))
        .map_err(OutputError::at(folder))
}
