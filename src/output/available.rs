//! Checks before payment that a result can be written: the names are free, and files can be created.

use std::{
    fs,
    io::{ErrorKind, Write as _},
};

use super::{
    digest::known_file,
    error::OutputError,
    facts::FileFacts,
    metadata::Metadata,
    paths::{OutputPaths, VideoKind},
    rename::exists,
};

/// Size of the test file: enough to notice a full file system. A result that is larger than the free space waits.
const TEST_BYTES: usize = 4 << 10;

/// Checks that no file that lipsyncd did not write has one of the job's names. Call it before anything is paid.
///
/// An earlier result of lipsyncd, of whatever job, does not block: [`publish`](super::publish()) sets it aside.
/// `earlier` are the files that the database knows to be published at this place.
///
/// # Errors
/// [`OutputError::Foreign`] names the file that blocks.
pub fn check_available(
    paths: &OutputPaths,
    watermark: bool,
    earlier: &[FileFacts],
) -> Result<(), OutputError> {
    let current = metadata_at(paths)?;
    let kinds: &[VideoKind] =
        if watermark { &[VideoKind::Result, VideoKind::Watermark] } else { &[VideoKind::Result] };
    for kind in kinds {
        let path = paths.video(*kind);
        let known = known_facts(*kind, current.as_ref(), earlier);
        if exists(&path)? && known_file(&path, &known)?.is_none() {
            return Err(OutputError::Foreign(path));
        }
    }
    Ok(())
}

/// Reads the metadata at the place. None if there is no file; [`OutputError::Foreign`] if the file is not from lipsyncd.
pub(super) fn metadata_at(paths: &OutputPaths) -> Result<Option<Metadata>, OutputError> {
    let path = paths.metadata();
    let found = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(found) if !found.is_file() => None,
        Ok(_) => Metadata::read(&path)?,
        Err(error) => return Err(OutputError::at(&path)(error)),
    };
    found.map(Some).ok_or(OutputError::Foreign(path))
}

/// The facts by which a video at the place is lipsyncd's own, those of the metadata first.
pub(super) fn known_facts<'a>(
    kind: VideoKind,
    current: Option<&'a Metadata>,
    earlier: &'a [FileFacts],
) -> Vec<&'a FileFacts> {
    current.and_then(|metadata| metadata.facts(kind)).into_iter().chain(earlier).collect()
}

/// Checks that the file system allows the longest names that a job's files can have.
///
/// These are the hidden names of part files, and the names of earlier results.
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
pub fn check_writable(paths: &OutputPaths) -> Result<(), OutputError> {
    let folder = paths.folder();
    tempfile::tempfile_in(folder)
        .and_then(|mut file| file.write_all(&[0; TEST_BYTES]))
        .map_err(OutputError::at(folder))
}
