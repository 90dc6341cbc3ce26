//! What a manifest asks for in one job, after defaults, checks and conversions.
//!
//! Manifest keys as values, without YAML, files or the API.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// One job as its manifest asks for it. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct JobSpec {
    /// `<manifest path under jobs_dir, without its ending>/<id>`, for a single job without `/<id>`.
    pub key: String,
    /// Its `id` in a batch; none for a single job.
    pub id: Option<String>,
    pub video: Source,
    pub audio: Source,
    pub face: FaceChoice,
    /// Where the audio is cropped from; not negative.
    pub sound_start_ms: i64,
    /// Where the crop ends; none: as much of the audio as fits.
    pub sound_end_ms: Option<i64>,
    /// Where in the video the audio goes; none: where the chosen face appears.
    pub sound_insert_ms: Option<i64>,
    /// 0..=2.
    pub sound_volume: f64,
    /// 0..=2.
    pub original_audio_volume: f64,
    pub watermark: bool,
    /// Where the API reports changes of the task.
    pub callback_url: Option<String>,
    /// The user's own name for the task; none: one is generated.
    pub external_task_id: Option<String>,
    /// Which take of the request is wanted, 1..=99; none: the newest take that has not failed.
    pub take: Option<u32>,
    /// Relative to `output_dir`, parts joined by `/`, none of them `..`.
    pub output: String,
    /// -100..=100, higher first.
    pub priority: i32,
    /// Unix time before which nothing is started; serialized as RFC 3339.
    #[serde(rename = "not_before", serialize_with = "as_time")]
    pub not_before_at_ms: Option<i64>,
    /// Kept with the job and in its metadata.
    pub labels: BTreeMap<String, String>,
}

impl JobSpec {
    /// Creates a job with the defaults of all other keys.
    #[must_use]
    pub fn new(key: impl Into<String>, video: Source, audio: Source) -> Self {
        let key = key.into();
        Self {
            output: format!("{key}.mp4"),
            key,
            id: None,
            video,
            audio,
            face: FaceChoice::default(),
            sound_start_ms: 0,
            sound_end_ms: None,
            sound_insert_ms: None,
            sound_volume: 1.0,
            original_audio_volume: 1.0,
            watermark: false,
            callback_url: None,
            external_task_id: None,
            take: None,
            priority: 0,
            not_before_at_ms: None,
            labels: BTreeMap::new(),
        }
    }

    /// Whether both make the same request, by their text. Keys that concern the job alone may differ, and local files
    /// with the same path may have other content.
    pub fn has_same_request_text(&self, other: &Self) -> bool {
        let same_request = Self {
            key: self.key.clone(),
            id: self.id.clone(),
            take: self.take,
            output: self.output.clone(),
            priority: self.priority,
            not_before_at_ms: self.not_before_at_ms,
            labels: self.labels.clone(),
            callback_url: self.callback_url.clone(),
            ..other.clone()
        };
        *self == same_request
    }
}

/// Where a video or an audio file comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// An http or https URL that the API downloads.
    Url(String),
    /// A local file as written: relative to the manifest or to one of `media.dirs`.
    File(String),
    /// A video or audio that Kling made.
    Id(String),
}

impl Source {
    /// Returns the URL, path or id as written in the manifest.
    pub fn as_written(&self) -> &str {
        match self {
            Self::Url(text) | Self::File(text) | Self::Id(text) => text,
        }
    }
}

/// Which of a video's faces speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FaceChoice {
    /// The face with the longest time in the video; among equals, the first one.
    #[default]
    Longest,
    /// The face that appears first.
    First,
    /// The only face; several fail the job.
    Only,
    /// By place in the API's list, from 0.
    Index(usize),
    /// By the API's `face_id`.
    Id(String),
}

impl fmt::Display for FaceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Longest => f.write_str("longest"),
            Self::First => f.write_str("first"),
            Self::Only => f.write_str("only"),
            Self::Index(index) => write!(f, "index {index}"),
            Self::Id(id) => write!(f, "id {id}"),
        }
    }
}

impl Serialize for FaceChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A Unix time in RFC 3339.
fn as_time<S: Serializer>(at_ms: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    let time = at_ms.map(|at_ms| Timestamp::from_millisecond(at_ms).unwrap_or_default());
    time.map(|time| format!("{time:.3}")).serialize(serializer)
}
