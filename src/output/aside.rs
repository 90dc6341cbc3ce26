//! Sets an earlier result aside, under a name that contains its SHA-256.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{
    digest::has_facts,
    error::OutputError,
    facts::FileFacts,
    folder::sync_folder,
    metadata::{Metadata, write_text},
    paths::{DIGITS, OutputPaths, VideoKind},
    rename::{self, exists, remove_if_there},
};

/// What is at the place of an earlier result.
#[derive(Debug)]
pub(super) struct EarlierResult<'a> {
    /// The facts whose SHA-256 is in the name.
    pub(super) named_by: &'a FileFacts,
    /// The metadata at the place, if they are about this result.
    pub(super) metadata: Option<&'a Metadata>,
    /// The videos at the place, the result first.
    pub(super) videos: Vec<(VideoKind, &'a FileFacts)>,
}

/// Where a result is kept.
#[derive(Debug)]
pub(super) struct AsidePaths {
    /// Its place, with the SHA-256 in the name.
    pub(super) paths: OutputPaths,
    /// What must be done with the metadata there.
    pub(super) metadata: ExistingMetadata,
}

/// What is under the name of the metadata, compared with the metadata that are to be kept there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExistingMetadata {
    /// No file.
    Missing,
    /// The same task and result, without the watermarked result.
    Incomplete,
    /// The same task and result.
    Complete,
    /// The same result, made by another task.
    OtherTask,
    /// Another result, or not a file of lipsyncd.
    Other,
}

/// Chooses the shortest name that is free or keeps this very result.
///
/// A name is recognised by the content of its files. So a repeat after a crash chooses the same name.
pub(super) fn choose(
    paths: &OutputPaths,
    named_by: &FileFacts,
    watermark: Option<&FileFacts>,
    metadata: Option<&Metadata>,
) -> Result<AsidePaths, OutputError> {
    let mut same_bytes = None;
    let mut taken = paths.metadata();
    for digits in DIGITS {
        let digest = named_by.sha256.get(..digits).unwrap_or(&named_by.sha256);
        let candidate = paths.aside(digest);
        if let Some(path) = other_video(&candidate, named_by, watermark)? {
            taken = path;
            continue;
        }
        match compare_metadata(&candidate.metadata(), named_by, metadata)? {
            ExistingMetadata::Other => taken = candidate.metadata(),
            there @ ExistingMetadata::OtherTask => {
                same_bytes.get_or_insert(AsidePaths { paths: candidate, metadata: there });
            }
            there => return Ok(AsidePaths { paths: candidate, metadata: there }),
        }
    }
    // Several tasks made the same bytes, and every name has the metadata of one of them: one file is enough.
    same_bytes.ok_or(OutputError::Foreign(taken))
}

/// Moves an earlier result to its own name. Repeated after a crash, it completes what is missing.
///
/// The metadata are written under the new name before the first video is moved, and stay at the old name until the
/// caller replaces them. So both names are recognised at every moment.
pub(super) fn set_aside(
    paths: &OutputPaths,
    earlier: &EarlierResult<'_>,
) -> Result<PathBuf, OutputError> {
    let moved = earlier.videos.iter().find(|(kind, _)| *kind == VideoKind::Watermark);
    let named = earlier.metadata.and_then(|metadata| metadata.watermark.as_ref());
    let watermark = moved.map(|(_, facts)| *facts).or(named);
    let kept = choose(paths, earlier.named_by, watermark, earlier.metadata)?;
    if earlier.metadata.is_some() {
        // The text as it is: a later version may have written keys that this version does not know.
        let path = paths.metadata();
        kept.write(&fs::read(&path).map_err(OutputError::at(&path))?)?;
    }
    for (kind, facts) in earlier.videos.iter().rev() {
        move_video(&paths.video(*kind), &kept.paths.video(*kind), facts)?;
    }
    if !earlier.videos.is_empty() {
        sync_folder(paths.folder())?;
    }
    Ok(kept.paths.video(VideoKind::Result))
}

impl AsidePaths {
    /// Writes the metadata, unless they are there. They last when this returns.
    pub(super) fn write(&self, text: &[u8]) -> Result<(), OutputError> {
        match self.metadata {
            ExistingMetadata::Missing => write_text(&self.paths.metadata(), text, false),
            ExistingMetadata::Incomplete => write_text(&self.paths.metadata(), text, true),
            // A crash may have come between the rename and the sync.
            _ => sync_folder(self.paths.folder()),
        }
    }
}

fn move_video(from: &Path, to: &Path, facts: &FileFacts) -> Result<(), OutputError> {
    if !exists(to)? {
        return rename::set_aside(from, to);
    }
    if !has_facts(to, facts)? {
        return Err(OutputError::Foreign(to.to_owned()));
    }
    // The same bytes are kept already. They must be on disk before the other copy is removed.
    File::open(to).and_then(|kept| kept.sync_all()).map_err(OutputError::at(to))?;
    sync_folder(to.parent().unwrap_or(to))?;
    remove_if_there(from)
}

/// Returns the first video under the name that has other bytes.
fn other_video(
    candidate: &OutputPaths,
    result: &FileFacts,
    watermark: Option<&FileFacts>,
) -> Result<Option<PathBuf>, OutputError> {
    let result = Some((VideoKind::Result, result));
    for (kind, facts) in
        result.into_iter().chain(watermark.map(|facts| (VideoKind::Watermark, facts)))
    {
        let path = candidate.video(kind);
        if exists(&path)? && !has_facts(&path, facts)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn compare_metadata(
    path: &Path,
    result: &FileFacts,
    wanted: Option<&Metadata>,
) -> Result<ExistingMetadata, OutputError> {
    if !exists(path)? {
        return Ok(ExistingMetadata::Missing);
    }
    let Some(found) = Metadata::read(path)?.filter(|found| found.result == *result) else {
        return Ok(ExistingMetadata::Other);
    };
    Ok(match wanted {
        None => ExistingMetadata::Complete,
        Some(wanted) if !found.is_task(&wanted.request_hash, wanted.take) => {
            ExistingMetadata::OtherTask
        }
        Some(wanted) if wanted.watermark.is_none() || wanted.watermark == found.watermark => {
            ExistingMetadata::Complete
        }
        Some(_) if found.watermark.is_none() => ExistingMetadata::Incomplete,
        Some(_) => ExistingMetadata::Other,
    })
}
