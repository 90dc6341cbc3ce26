//! Final names, in the order that lets a start after a crash tell what is whose.

use std::{fs::File, io::Write, path::Path};

use super::{
    error::OutputError,
    folder::sync_folder,
    metadata::{FileFacts, Metadata},
    ownership::{known_file, metadata_is_ours_or_free, require_ours_or_free, with_watermark},
    part::discard,
    place::{Kind, Place},
    rename::{into_free, over_ours, remove_if_there},
};
use crate::failpoint;

/// What a task has published in full, none if anything of it is missing or differs.
///
/// Reads the files whole, to compare their bytes with the metadata's. The metadata are those of the
/// result's own file; a start uses them to finish a job that a crash kept from being marked so. What the
/// crash kept from being done after the last name is done here: the names are made to last, and what lay
/// beside them is removed.
///
/// # Errors
/// What the file system says.
pub fn already_published(place: &Place, task_id: &str) -> Result<Option<Metadata>, OutputError> {
    let Some(metadata) = metadata_of(place, task_id)? else {
        return Ok(None);
    };
    for (kind, facts) in files(&metadata) {
        if known_file(&place.video(kind), std::slice::from_ref(facts))?.is_none() {
            return Ok(None);
        }
    }
    for (kind, _) in files(&metadata) {
        discard(&Place::part_of(&place.video(kind)))?;
    }
    sync_folder(place.folder())?;
    Ok(Some(metadata))
}

/// The metadata at the place, if they are this job's, of whatever task.
///
/// # Errors
/// What the file system says.
pub fn published_before(place: &Place, job: &str) -> Result<Option<Metadata>, OutputError> {
    Ok(Metadata::read(&place.metadata())?.filter(|metadata| metadata.job == job))
}

/// Gives the finished parts their final names, metadata first, the result last.
///
/// `metadata` names the parts by their bytes, as [`Part::finish`](super::Part::finish) told them. `earlier` are the
/// files that the database knows the job to have published before: a `retry` replaces them. May be repeated
/// after a crash at any point, with the parts fetched anew if need be.
///
/// # Errors
/// [`OutputError::Foreign`] if anything else is in the way, with nothing changed; [`OutputError::Broken`] if a part
/// is not what `metadata` says; else what the file system says.
pub fn publish(
    place: &Place,
    metadata: &Metadata,
    earlier: &[FileFacts],
) -> Result<(), OutputError> {
    let mut known = with_watermark(place, earlier)?;
    known.extend(files(metadata).map(|(_, facts)| facts.clone()));
    // A watermark that was named before a crash, and is now made anew, may have other bytes.
    if let Some(before) = metadata_of(place, &metadata.task_id)? {
        known.extend(files(&before).map(|(_, facts)| facts.clone()));
    }
    let task_id = Some(metadata.task_id.as_str());
    let replace = metadata_is_ours_or_free(place, &metadata.job, task_id, earlier)?;
    let mut moves = Vec::new();
    for (kind, facts) in files(metadata) {
        let path = place.video(kind);
        moves.push((kind, facts, require_ours_or_free(&path, &known)?));
    }
    let moves = moves
        .into_iter()
        .map(|(kind, facts, replace)| Ok((kind, is_in_part(place, kind, facts)?, replace)))
        .collect::<Result<Vec<_>, OutputError>>()?;
    remove_watermark_of_before(place, metadata)?;
    write_metadata(place, metadata, replace)?;
    for (kind, is_in_part, replace) in moves.into_iter().rev() {
        give_name(&place.video(kind), is_in_part, replace)?;
    }
    sync_folder(place.folder())
}

/// A task's videos, the result first.
fn files(metadata: &Metadata) -> impl Iterator<Item = (Kind, &FileFacts)> {
    let watermark = metadata.watermark.as_ref().map(|facts| (Kind::Watermark, facts));
    std::iter::once((Kind::Result, &metadata.result)).chain(watermark)
}

/// Whose they are, the task tells: the job may have gone by another key when they were written.
fn metadata_of(place: &Place, task_id: &str) -> Result<Option<Metadata>, OutputError> {
    let found = Metadata::read(&place.metadata())?;
    Ok(found.filter(|metadata| metadata.task_id == task_id))
}

/// Whether the bytes that `facts` tell of are in the part; if not, they have their final name, from before
/// a crash.
fn is_in_part(place: &Place, kind: Kind, facts: &FileFacts) -> Result<bool, OutputError> {
    let path = place.video(kind);
    let part = Place::part_of(&path);
    let facts = std::slice::from_ref(facts);
    if known_file(&part, facts)?.is_some() {
        return Ok(true);
    }
    if known_file(&path, facts)?.is_some() {
        return Ok(false);
    }
    Err(OutputError::Broken { path: part, why: "its bytes are not those that were checked".into() })
}

/// The metadata of an earlier attempt are about to go, and nothing else knows its watermarked result:
/// after a crash it would stand in the way as a stranger's.
fn remove_watermark_of_before(place: &Place, metadata: &Metadata) -> Result<(), OutputError> {
    let Some(facts) = &metadata.watermark else { return Ok(()) };
    let path = place.video(Kind::Watermark);
    match known_file(&path, std::slice::from_ref(facts))? {
        Some(_) => Ok(()),
        None => remove_if_there(&path),
    }
}

fn write_metadata(place: &Place, metadata: &Metadata, replace: bool) -> Result<(), OutputError> {
    let path = place.metadata();
    let fresh = Place::part_of(&path);
    let mut text = serde_json::to_vec_pretty(metadata)
        .map_err(|source| OutputError::Io { path: path.clone(), source: source.into() })?;
    text.push(b'\n');
    // Removed and made anew, so that a link in its place is not followed.
    remove_if_there(&fresh)?;
    failpoint::before("metadata.write");
    File::create_new(&fresh)
        .and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        })
        .map_err(OutputError::at(&fresh))?;
    failpoint::after("metadata.write");
    if replace {
        over_ours(&fresh, &path)?
    } else {
        into_free(&fresh, &path)?
    }
    // Before any video has its name, it must last whose it is.
    sync_folder(place.folder())
}

fn give_name(path: &Path, is_in_part: bool, replace: bool) -> Result<(), OutputError> {
    let part = Place::part_of(path);
    if is_in_part {
        if replace { over_ours(&part, path)? } else { into_free(&part, path)? }
    }
    discard(&part)
}
