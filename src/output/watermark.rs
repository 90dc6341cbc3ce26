//! The watermarked copy of a result that is published already: it may arrive much later than the result.

use super::{
    available::metadata_at,
    copy::copy_video,
    digest::has_facts,
    error::OutputError,
    facts::FileFacts,
    folder::sync_folder,
    metadata::{Metadata, MetadataPart},
    one_writer,
    part::Part,
    part_file::{discard, has_synced_facts},
    paths::{OutputPaths, VideoKind},
    rename::{exists, into_free},
};

/// Returns the facts of the watermarked copy at the place, if the copy of this task is complete there.
///
/// Completes what a crash after the last rename prevented: syncs the names and removes the part file.
pub fn published_watermark(
    paths: &OutputPaths,
    request_hash: &str,
    take: u32,
) -> Result<Option<FileFacts>, OutputError> {
    let Some(facts) = watermark_of(paths, request_hash, take)? else { return Ok(None) };
    let path = paths.video(VideoKind::Watermark);
    if !has_facts(&path, &facts)? {
        return Ok(None);
    }
    discard(&OutputPaths::part_of(&path))?;
    sync_folder(paths.folder())?;
    Ok(Some(facts))
}

/// Copies the watermarked copy of another job of the task to the part of `to`. None if `from` has no such copy.
pub fn copy_watermark(
    from: &OutputPaths,
    to: &OutputPaths,
    request_hash: &str,
    take: u32,
) -> Result<Option<FileFacts>, OutputError> {
    let facts = watermark_of(from, request_hash, take)?.filter(|_| from != to);
    let Some(facts) = facts else { return Ok(None) };
    match copy_video(from, to, VideoKind::Watermark, &facts) {
        Ok(()) => Ok(Some(facts)),
        Err(OutputError::SourceChanged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives the finished part of the watermarked copy its final name, and adds it to the metadata at the place.
///
/// `metadata` name the copy, and are written if there are none: a person may have moved result and metadata away.
/// `finished` is the part if it is still open: it is not read again. May be repeated after a crash at any point, with the
/// part made again if needed.
///
/// # Errors
/// [`OutputError::Foreign`] if another file has the name, or the metadata there are about another task;
/// [`OutputError::Broken`] if the part does not have the named bytes: both with nothing changed. Otherwise what the
/// file system reports.
pub fn publish_watermark(
    paths: &OutputPaths,
    metadata: &Metadata,
    finished: Option<&Part>,
) -> Result<(), OutputError> {
    let Some(facts) = &metadata.watermark else { return Ok(()) };
    let _alone = one_writer::lock(paths);
    let path = paths.video(VideoKind::Watermark);
    let part = OutputPaths::part_of(&path);
    let is_done = has_facts(&path, facts)?;
    if !is_done && exists(&path)? {
        return Err(OutputError::Foreign(path));
    }
    let is_checked = finished.is_some_and(|it| it.is_checked(&part, facts));
    if !is_done && !is_checked && !has_synced_facts(&part, facts)? {
        let why = "its bytes are not the ones that were checked".into();
        return Err(OutputError::Broken { path: part, why });
    }
    let place = paths.metadata();
    let current = metadata_at(paths)?;
    let is_new = current.is_none();
    let current = current.unwrap_or_else(|| metadata.clone());
    if !current.is_task(&metadata.request_hash, metadata.take) {
        return Err(OutputError::Foreign(place));
    }
    finished.map_or(Ok(()), Part::sync)?;
    if is_new || current.watermark.as_ref() != Some(facts) {
        let complete = Metadata { watermark: Some(facts.clone()), ..current };
        MetadataPart::write(&place, &complete.text(&place)?)?.publish(!is_new)?;
    }
    if !is_done {
        into_free(&part, &path)?;
    }
    discard(&part)?;
    sync_folder(paths.folder())
}

fn watermark_of(
    paths: &OutputPaths,
    request_hash: &str,
    take: u32,
) -> Result<Option<FileFacts>, OutputError> {
    let found = Metadata::read(&paths.metadata())?.filter(|it| it.is_task(request_hash, take));
    Ok(found.and_then(|metadata| metadata.watermark))
}
