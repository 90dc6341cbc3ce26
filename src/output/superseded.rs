//! Publishes the result of a superseded task beside the newer result of the job.

use super::{
    aside::choose, digest::has_facts, error::OutputError, folder::sync_folder, metadata::Metadata,
    paths::OutputPaths, publish::Publication, write::text_of,
};

/// Publishes the parts of a superseded task under `<stem>.<8 hex of its SHA-256>.mp4`. Returns that place.
///
/// The parts are those of [`OutputPaths::superseded`] for `metadata.task_id`. May be repeated after a crash at any point,
/// with the parts made again if needed.
///
/// # Errors
/// [`OutputError::Broken`] if a part does not have the bytes that `metadata` name; otherwise what the file system
/// reports.
pub fn publish_superseded(
    paths: &OutputPaths,
    metadata: &Metadata,
) -> Result<OutputPaths, OutputError> {
    let parts = paths.superseded(&metadata.task_id);
    let kept = choose(paths, &metadata.result, metadata.watermark.as_ref(), Some(metadata))?;
    let mut publications = Vec::new();
    for (kind, facts) in metadata.files() {
        let is_done = has_facts(&kept.paths.video(kind), facts)?;
        publications.push(Publication { part_of: &parts, to: &kept.paths, kind, facts, is_done });
    }
    publications.iter().try_for_each(Publication::check_part)?;
    kept.write(&text_of(metadata, &kept.paths.metadata())?)?;
    publications.iter().rev().try_for_each(Publication::rename)?;
    sync_folder(paths.folder())?;
    Ok(kept.paths)
}
