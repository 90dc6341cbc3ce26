//! The columns that `task` and `job` have in common: what a manifest asks for, and the facts about its media. A task has
//! the values of its lead job, but the priority and the time of all its jobs.

use rusqlite::{Row, named_params};

use super::{
    StoreError,
    sql::{Bound, nonsense},
};
use crate::job::{FaceChoice, JobSpec, Media, Source};

/// The common columns, in the order in which [`read`] expects them.
pub(super) const NAMES: &str = "video_kind, video, audio_kind, audio, face_kind, face, sound_start_ms, \
  sound_end_ms, sound_insert_ms, sound_volume, original_audio_volume, watermark, callback_url, own_task_id, \
  priority, not_before_at_ms, audio_ms, audio_stamp, audio_sha256, video_ms, video_stamp, video_sha256, video_url";

pub(super) const COUNT: usize = 23;

pub(super) fn of_table(alias: &str) -> String {
    format!("{alias}.{}", NAMES.replace(", ", &format!(", {alias}.")))
}

/// Calls `run` with the common columns as named parameters, followed by `own`.
pub(super) fn with_bound<T>(
    spec: &JobSpec,
    media: &Media,
    own: &Bound<'_>,
    run: impl FnOnce(&Bound<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let (video, audio, face) = (source(&spec.video), source(&spec.audio), face(&spec.face));
    let common = named_params! {
        ":video_kind": video.0, ":video": video.1, ":audio_kind": audio.0, ":audio": audio.1,
        ":face_kind": face.0, ":face": face.1, ":sound_start_ms": spec.sound_start_ms,
        ":sound_end_ms": spec.sound_end_ms, ":sound_insert_ms": spec.sound_insert_ms,
        ":sound_volume": spec.sound_volume, ":original_audio_volume": spec.original_audio_volume,
        ":watermark": spec.watermark, ":callback_url": spec.callback_url,
        ":own_task_id": spec.external_task_id, ":priority": spec.priority,
        ":not_before_at_ms": spec.not_before_at_ms, ":audio_ms": media.audio_ms,
        ":audio_stamp": media.audio_stamp, ":audio_sha256": media.audio_sha256,
        ":video_ms": media.video_ms, ":video_stamp": media.video_stamp,
        ":video_sha256": media.video_sha256, ":video_url": media.video_url,
    };
    run(&[common, own].concat())
}

/// Reads the common columns of a row, which begin at column `at` in the order of [`NAMES`]. The caller sets key, id,
/// output, take and labels.
pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<(JobSpec, Media)> {
    let spec = JobSpec {
        key: String::new(),
        id: None,
        video: source_at(row, at)?,
        audio: source_at(row, at + 2)?,
        face: face_at(row, at + 4)?,
        sound_start_ms: row.get(at + 6)?,
        sound_end_ms: row.get(at + 7)?,
        sound_insert_ms: row.get(at + 8)?,
        sound_volume: row.get(at + 9)?,
        original_audio_volume: row.get(at + 10)?,
        watermark: row.get(at + 11)?,
        callback_url: row.get(at + 12)?,
        external_task_id: row.get(at + 13)?,
        take: None,
        output: String::new(),
        priority: row.get(at + 14)?,
        not_before_at_ms: row.get(at + 15)?,
        labels: std::collections::BTreeMap::new(),
    };
    let media = Media {
        wait_reason: None,
        audio_ms: row.get(at + 16)?,
        audio_stamp: row.get(at + 17)?,
        audio_sha256: row.get(at + 18)?,
        video_ms: row.get(at + 19)?,
        video_stamp: row.get(at + 20)?,
        video_sha256: row.get(at + 21)?,
        video_url: row.get(at + 22)?,
    };
    Ok((spec, media))
}

fn source(source: &Source) -> (&'static str, &str) {
    match source {
        Source::Url(url) => ("url", url),
        Source::File(path) => ("file", path),
        Source::Id(id) => ("id", id),
    }
}

fn face(choice: &FaceChoice) -> (&'static str, Option<String>) {
    match choice {
        FaceChoice::Longest => ("longest", None),
        FaceChoice::First => ("first", None),
        FaceChoice::Only => ("only", None),
        FaceChoice::Index(index) => ("index", Some(index.to_string())),
        FaceChoice::Id(id) => ("id", Some(id.clone())),
    }
}

fn source_at(row: &Row<'_>, kind: usize) -> rusqlite::Result<Source> {
    let text = row.get(kind + 1)?;
    match row.get_ref(kind)?.as_str()? {
        "url" => Ok(Source::Url(text)),
        "file" => Ok(Source::File(text)),
        "id" => Ok(Source::Id(text)),
        other => Err(nonsense(other).into()),
    }
}

fn face_at(row: &Row<'_>, kind: usize) -> rusqlite::Result<FaceChoice> {
    match row.get_ref(kind)?.as_str()? {
        "longest" => Ok(FaceChoice::Longest),
        "first" => Ok(FaceChoice::First),
        "only" => Ok(FaceChoice::Only),
        "index" => {
            let index = row.get_ref(kind + 1)?.as_str()?;
            index.parse().map(FaceChoice::Index).map_err(|_| nonsense(index).into())
        }
        "id" => row.get(kind + 1).map(FaceChoice::Id),
        other => Err(nonsense(other).into()),
    }
}
