//! Recognises results on disk, by their metadata or by their size.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    digest::has_facts,
    error::OutputError,
    folder::sync_folder,
    metadata::Metadata,
    part_file::discard,
    paths::{OutputPaths, VideoKind},
};

/// Returns the metadata at the place if its result is there with the recorded bytes, of whatever job and task.
///
/// The watermarked result is only named if its file is there, too. Reads the files completely. The caller compares
/// request hash and take.
pub fn published_result(paths: &OutputPaths) -> Result<Option<Metadata>, OutputError> {
    let Some(mut metadata) = Metadata::read(&paths.metadata())? else {
        return Ok(None);
    };
    if !has_facts(&paths.video(VideoKind::Result), &metadata.result)? {
        return Ok(None);
    }
    if let Some(facts) = &metadata.watermark
        && !has_facts(&paths.video(VideoKind::Watermark), facts)?
    {
        metadata.watermark = None;
    }
    Ok(Some(metadata))
}

/// Returns the metadata at the place if the result of this task is published, as [`published_result`].
///
/// A start uses this to finish a job that a crash interrupted after the last rename. It completes what the crash
/// prevented: it syncs the names and removes the part files of the published videos.
pub fn recover_published(
    paths: &OutputPaths,
    request_hash: &str,
    take: u32,
) -> Result<Option<Metadata>, OutputError> {
    let is_task = |found: &Metadata| found.is_task(request_hash, take);
    // Hashing takes long: the task is compared first.
    if !Metadata::read(&paths.metadata())?.is_some_and(|found| is_task(&found)) {
        return Ok(None);
    }
    let Some(metadata) = published_result(paths)?.filter(is_task) else {
        return Ok(None);
    };
    for (kind, _) in metadata.files() {
        discard(&OutputPaths::part_of(&paths.video(kind)))?;
    }
    sync_folder(paths.folder())?;
    Ok(Some(metadata))
}

/// Finds the result of a task that was set aside or superseded at this place. Returns where the result is.
///
/// Reads the names of the complete folder.
pub fn find_set_aside(
    paths: &OutputPaths,
    request_hash: &str,
    take: u32,
) -> Result<Option<(OutputPaths, Metadata)>, OutputError> {
    for aside in paths_aside(paths)? {
        let found = Metadata::read(&aside.metadata())?;
        if found.is_some_and(|found| found.is_task(request_hash, take))
            && let Some(found) = published_result(&aside)?
        {
            return Ok(Some((aside, found)));
        }
    }
    Ok(None)
}

/// Returns the videos that were set aside or superseded at this place, as their metadata name them.
///
/// Reads the names of the complete folder.
pub fn list_set_aside(paths: &OutputPaths) -> Result<Vec<PathBuf>, OutputError> {
    Ok(paths_aside(paths)?.iter().map(|aside| aside.video(VideoKind::Result)).collect())
}

fn paths_aside(paths: &OutputPaths) -> Result<Vec<OutputPaths>, OutputError> {
    let (folder, mut all) = (paths.folder(), Vec::new());
    for entry in fs::read_dir(folder).map_err(OutputError::at(folder))? {
        let name = entry.map_err(OutputError::at(folder))?.file_name();
        all.extend(name.to_str().and_then(|name| paths.aside_of_metadata(name)));
    }
    Ok(all)
}

/// What is at the place of a delivered file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A file of the recorded size.
    Delivered,
    /// Something else, such as a file that a person edited.
    Changed,
    /// Nothing.
    Absent,
}

/// Returns what is at `path`, where a file of `bytes` bytes was delivered. Does not read the file; follows links.
pub fn presence(path: &Path, bytes: u64) -> Result<Presence, OutputError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() && found.len() == bytes => Ok(Presence::Delivered),
        Ok(_) => Ok(Presence::Changed),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Presence::Absent)
        }
        Err(error) => Err(OutputError::at(path)(error)),
    }
}
