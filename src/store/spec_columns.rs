//! The columns that `task` and `job` have in common: the request, and the facts about its media.

use rusqlite::{Row, ToSql, types::Type};

use crate::job::{FaceChoice, JobSpec, Media, Source};

/// Named parameters of a statement.
pub(super) type Bound<'a> = Vec<(&'static str, &'a dyn ToSql)>;

/// A `JobSpec` as column values.
pub(super) struct SpecColumns<'a> {
    spec: &'a JobSpec,
    video: (&'static str, &'a str),
    audio: (&'static str, &'a str),
    face: (&'static str, Option<String>),
}

impl<'a> SpecColumns<'a> {
    pub(super) fn of(spec: &'a JobSpec) -> Self {
        Self {
            spec,
            video: source(&spec.video),
            audio: source(&spec.audio),
            face: face(&spec.face),
        }
    }

    /// Returns the parameters of all common columns, `media` included.
    pub(super) fn bound(&'a self, media: &'a Media) -> Bound<'a> {
        let spec = self.spec;
        vec![
            (":video_kind", &self.video.0),
            (":video", &self.video.1),
            (":audio_kind", &self.audio.0),
            (":audio", &self.audio.1),
            (":face_kind", &self.face.0),
            (":face", &self.face.1),
            (":sound_start_ms", &spec.sound_start_ms),
            (":sound_end_ms", &spec.sound_end_ms),
            (":sound_insert_ms", &spec.sound_insert_ms),
            (":sound_volume", &spec.sound_volume),
            (":original_audio_volume", &spec.original_audio_volume),
            (":watermark", &spec.watermark),
            (":callback_url", &spec.callback_url),
            (":own_task_id", &spec.external_task_id),
            (":priority", &spec.priority),
            (":not_before_at_ms", &spec.not_before_at_ms),
            (":audio_ms", &media.audio_ms),
            (":audio_stamp", &media.audio_stamp),
            (":audio_sha256", &media.audio_sha256),
            (":video_ms", &media.video_ms),
            (":video_stamp", &media.video_stamp),
            (":video_sha256", &media.video_sha256),
            (":video_url", &media.video_url),
        ]
    }
}

/// The names of the common columns, for an INSERT or an UPDATE.
macro_rules! spec_columns {
    ($make:ident) => {
        $make!(
            "video_kind" "video" "audio_kind" "audio" "face_kind" "face" "sound_start_ms" "sound_end_ms"
            "sound_insert_ms" "sound_volume" "original_audio_volume" "watermark" "callback_url"
            "own_task_id" "priority" "not_before_at_ms" "audio_ms" "audio_stamp" "audio_sha256"
            "video_ms" "video_stamp" "video_sha256" "video_url"
        )
    };
}

macro_rules! names {
    ($($column:literal)+) => { concat!($($column, ", "),+) };
}
macro_rules! values {
    ($($column:literal)+) => { concat!($(":", $column, ", "),+) };
}
macro_rules! assignments {
    ($($column:literal)+) => { concat!($($column, " = :", $column, ", "),+) };
}

/// `video_kind, …, `: the common columns, each followed by a comma.
pub(super) const NAMES: &str = spec_columns!(names);
/// `:video_kind, …, `.
pub(super) const VALUES: &str = spec_columns!(values);
/// `video_kind = :video_kind, …, `.
pub(super) const ASSIGNMENTS: &str = spec_columns!(assignments);

/// The number of common columns.
pub(super) const COUNT: usize = 23;

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
        other => Err(nonsense(row, kind, other)),
    }
}

fn face_at(row: &Row<'_>, kind: usize) -> rusqlite::Result<FaceChoice> {
    match row.get_ref(kind)?.as_str()? {
        "longest" => Ok(FaceChoice::Longest),
        "first" => Ok(FaceChoice::First),
        "only" => Ok(FaceChoice::Only),
        "index" => parsed_at(row, kind + 1).map(FaceChoice::Index),
        "id" => row.get(kind + 1).map(FaceChoice::Id),
        other => Err(nonsense(row, kind, other)),
    }
}

/// Parses the text of a column, by its name.
pub(super) fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    parsed_at(row, row.as_ref().column_index(column)?)
}

/// Parses the text of a column, by its index.
pub(super) fn parsed_at<T: std::str::FromStr>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(at)?.as_str()?;
    text.parse().map_err(|_| nonsense(row, at, text))
}

/// Makes the error for a value that lipsyncd never writes: somebody edited the database.
fn nonsense(row: &Row<'_>, at: usize, value: &str) -> rusqlite::Error {
    let column = row.as_ref().column_name(at).unwrap_or("a column");
    let what = format!("{column} holds {value:?}, which lipsyncd never writes");
    rusqlite::Error::FromSqlConversionFailure(at, Type::Text, what.into())
}
