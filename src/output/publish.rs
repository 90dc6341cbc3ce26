//! Gives results their final names, in an order that survives a crash at every point.

use std::path::PathBuf;

use super::{
    aside::{EarlierResult, choose, set_aside},
    available::{known_facts, metadata_at},
    digest::{has_facts, known_file},
    error::OutputError,
    facts::FileFacts,
    folder::sync_folder,
    metadata::{Metadata, MetadataPart},
    one_writer,
    part::Part,
    part_file::{discard, has_synced_facts},
    paths::{OutputPaths, VideoKind},
    recognize::list_set_aside,
    rename::{exists, into_free},
};

/// Gives the finished parts their final names: metadata first, the result last.
///
/// `metadata` name the parts by their bytes, as [`Part::finish`] and [`copy_result`](super::copy_result) return them.
/// `finished` are the parts that are still open: they are not read again. `earlier` are the files that the database knows
/// to be published at this place. An earlier result is set aside before; the return value lists its new paths, also
/// those of an attempt before a power failure. A video that is at the place already stays. May be repeated after a crash
/// at any point, with the parts made again if needed.
///
/// # Errors
/// [`OutputError::Foreign`] if a file that lipsyncd did not write has one of the names, [`OutputError::Broken`] if a part does not
/// have the bytes that `metadata` name: both with nothing changed. Otherwise what the file system reports.
pub fn publish(
    paths: &OutputPaths,
    metadata: &Metadata,
    earlier: &[FileFacts],
    finished: &[Part],
) -> Result<Vec<PathBuf>, OutputError> {
    let _alone = one_writer::lock(paths);
    let current = metadata_at(paths)?;
    let found = Occupancy { current: current.as_ref(), metadata, earlier };
    let mut to_set_aside = Vec::new();
    let mut publications = Vec::new();
    for kind in [VideoKind::Result, VideoKind::Watermark] {
        let there = found.at_name(paths, kind)?;
        if let AtFinalName::EarlierResult(facts) = there {
            to_set_aside.push((kind, facts));
        }
        if let Some(facts) = metadata.facts(kind) {
            let part = OutputPaths::part_of(&paths.video(kind));
            let is_done = there == AtFinalName::Stays;
            publications.push(Publication::new(part, paths.video(kind), facts, is_done));
        }
    }
    publications.iter_mut().try_for_each(|it| it.check_part(finished))?;
    let mut kept = set_results_aside(paths, &found.results(to_set_aside), finished)?;
    if !found.is_same_result() && publications.iter().any(|it| it.is_done) {
        // A power failure kept the name of the result, but not that of its metadata. What was set aside before is moved
        // already, and the caller must know of it.
        kept = list_set_aside(paths)?;
    }
    let path = paths.metadata();
    let metadata_part = match found.is_complete() {
        true => None,
        false => Some(MetadataPart::write(&path, &metadata.text(&path)?)?),
    };
    sync(finished)?;
    metadata_part.map_or(Ok(()), |it| it.publish(current.is_some()))?;
    publications.iter().rev().try_for_each(Publication::rename)?;
    // One sync for all names. If the power fails before it, the result may have its name without the new metadata: then
    // it is downloaded again, found to be the same, and gets its metadata.
    sync_folder(paths.folder())?;
    Ok(kept)
}

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
    finished: &[Part],
) -> Result<OutputPaths, OutputError> {
    let _alone = one_writer::lock(paths);
    let parts = paths.superseded(&metadata.task_id);
    let kept = choose(paths, &metadata.result, metadata.watermark.as_ref(), Some(metadata))?;
    let mut publications = Vec::new();
    for (kind, facts) in metadata.files() {
        let (part, to) = (OutputPaths::part_of(&parts.video(kind)), kept.paths.video(kind));
        let is_done = has_facts(&to, facts)?;
        publications.push(Publication::new(part, to, facts, is_done));
    }
    publications.iter_mut().try_for_each(|it| it.check_part(finished))?;
    sync(finished)?;
    kept.write(&metadata.text(&kept.paths.metadata())?)?;
    publications.iter().rev().try_for_each(Publication::rename)?;
    sync_folder(paths.folder())?;
    Ok(kept.paths)
}

fn sync(finished: &[Part]) -> Result<(), OutputError> {
    finished.iter().try_for_each(Part::sync)
}

fn set_results_aside(
    paths: &OutputPaths,
    earlier: &[EarlierResult<'_>],
    finished: &[Part],
) -> Result<Vec<PathBuf>, OutputError> {
    if !earlier.is_empty() {
        // An earlier result moves only for one that is on disk.
        sync(finished)?;
    }
    let mut kept = Vec::new();
    for earlier in earlier {
        let path = set_aside(paths, earlier)?;
        if !earlier.videos.is_empty() {
            kept.push(path);
        }
    }
    Ok(kept)
}

/// The rename of one video from its part to its final name.
struct Publication<'a> {
    part: PathBuf,
    to: PathBuf,
    facts: &'a FileFacts,
    /// The video has its final name already.
    is_done: bool,
    /// The part or its note may be left once the video has its final name.
    may_leave_part: bool,
}

impl<'a> Publication<'a> {
    fn new(part: PathBuf, to: PathBuf, facts: &'a FileFacts, is_done: bool) -> Self {
        Self { part, to, facts, is_done, may_leave_part: true }
    }

    fn check_part(&mut self, finished: &[Part]) -> Result<(), OutputError> {
        if self.is_done {
            return Ok(());
        }
        if let Some(part) = finished.iter().find(|it| it.is_checked(&self.part, self.facts)) {
            self.may_leave_part = part.has_note();
        } else if !has_synced_facts(&self.part, self.facts)? {
            let why = "its bytes are not the ones that were checked".into();
            return Err(OutputError::Broken { path: self.part.clone(), why });
        }
        Ok(())
    }

    fn rename(&self) -> Result<(), OutputError> {
        if !self.is_done {
            into_free(&self.part, &self.to)?;
        }
        if self.may_leave_part { discard(&self.part) } else { Ok(()) }
    }
}

/// The files at the place, compared with what is to be published there.
struct Occupancy<'a> {
    current: Option<&'a Metadata>,
    metadata: &'a Metadata,
    earlier: &'a [FileFacts],
}

/// What has the final name of a video.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AtFinalName<'a> {
    Nothing,
    /// The video that is to be published, or a file that may stay beside it.
    Stays,
    /// A video of an earlier result.
    EarlierResult(&'a FileFacts),
}

impl<'a> Occupancy<'a> {
    fn is_same_task(&self, current: &Metadata) -> bool {
        current.is_task(&self.metadata.request_hash, self.metadata.take)
    }

    /// Returns true if the current metadata are about the task and the very bytes that are to be published.
    fn is_same_result(&self) -> bool {
        self.current.is_some_and(|current| {
            self.is_same_task(current) && current.result == self.metadata.result
        })
    }

    /// Returns true if the current metadata may stay.
    fn is_complete(&self) -> bool {
        let watermark = self.metadata.watermark.as_ref();
        let current = self.current.and_then(|current| current.watermark.as_ref());
        self.is_same_result() && (watermark.is_none() || watermark == current)
    }

    fn at_name(
        &self,
        paths: &OutputPaths,
        kind: VideoKind,
    ) -> Result<AtFinalName<'a>, OutputError> {
        let path = paths.video(kind);
        if !exists(&path)? {
            return Ok(AtFinalName::Nothing);
        }
        let wanted = self.metadata.facts(kind);
        let mut known = known_facts(kind, self.current, self.earlier);
        known.extend(wanted);
        let Some(facts) = known_file(&path, &known)? else {
            // A file that lipsyncd did not write is no problem where its name is not needed.
            return wanted.map_or(Ok(AtFinalName::Stays), |_| Err(OutputError::Foreign(path)));
        };
        let is_named = self.current.and_then(|current| current.facts(kind)) == Some(facts);
        // Another task may have made the same bytes: then both results are kept.
        let is_its_own = self.is_same_result() || !is_named;
        let stays = match wanted {
            Some(wanted) => wanted == facts && is_its_own,
            None => self.is_same_result(),
        };
        Ok(if stays { AtFinalName::Stays } else { AtFinalName::EarlierResult(facts) })
    }

    /// The results that must be set aside: the one of the current metadata, and one that only the database knows.
    fn results(&self, videos: Vec<(VideoKind, &'a FileFacts)>) -> Vec<EarlierResult<'a>> {
        let of_current = |kind, facts| self.current.and_then(|it| it.facts(kind)) == Some(facts);
        let (named, unnamed): (Vec<_>, Vec<_>) =
            videos.into_iter().partition(|(kind, facts)| of_current(*kind, *facts));
        let mut results = Vec::new();
        if let Some(current) = self.current
            && (!named.is_empty() || !self.is_same_task(current))
        {
            let (named_by, metadata) = (&current.result, Some(current));
            results.push(EarlierResult { named_by, metadata, videos: named });
        }
        if let Some((_, named_by)) = unnamed.first().copied() {
            results.push(EarlierResult { named_by, metadata: None, videos: unnamed });
        }
        results
    }
}
