//! The `.json` beside a result: what it was made from, what it cost, and by which bytes it is known.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

use super::error::OutputError;

/// No metadata of ours is longer; a longer file is somebody else's.
const METADATA_BYTES_MAX: u64 = 1 << 20;

/// By what a file is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// The face that speaks, as identified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaceUsed {
    /// As Identify Face names it.
    pub id: String,
    /// When it appears in the video.
    pub start_ms: i64,
    /// When it was last seen.
    pub end_ms: i64,
}

/// The timing and volumes that were sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimingUsed {
    /// Where the sound was cropped from.
    pub sound_start_ms: i64,
    /// Where the crop ended.
    pub sound_end_ms: i64,
    /// Where in the video it went.
    pub sound_insert_ms: i64,
    /// 0..=2.
    pub sound_volume: f64,
    /// 0..=2.
    pub original_audio_volume: f64,
}

/// All that is kept with a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The job's key.
    pub job: String,
    /// From 1; each `retry` adds one.
    pub attempt: u32,
    /// The API's name for the task.
    pub task_id: String,
    /// Our name for the task.
    pub external_task_id: String,
    /// The video as the manifest names it.
    pub video: String,
    /// The sound as the manifest names it.
    pub audio: String,
    /// Who speaks.
    pub face: FaceUsed,
    /// What is spoken when.
    pub timing: TimingUsed,
    /// What the task cost, in millionths of a unit; in the file, in units.
    #[serde(rename = "units", with = "units", default)]
    pub units_micro: Option<i64>,
    /// The result's length, as the API tells it.
    #[serde(default)]
    pub duration_ms: Option<i64>,
    /// By what the result is known.
    #[serde(flatten)]
    pub result: FileFacts,
    /// By what the watermarked result is known, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<FileFacts>,
    /// From the manifest.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// When the task was accepted, Unix time; in the file, RFC 3339.
    #[serde(rename = "created_at", with = "time")]
    pub created_at_ms: i64,
    /// When the result was whole on disk.
    #[serde(rename = "finished_at", with = "time")]
    pub finished_at_ms: i64,
}

impl Metadata {
    /// What stands in the file at `path`; none if there is none, or it is not metadata of lipsyncd.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, OutputError> {
        let mut text = Vec::new();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OutputError::at(path)(error)),
        };
        match file.take(METADATA_BYTES_MAX).read_to_end(&mut text) {
            Ok(_) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == ErrorKind::IsADirectory => Ok(None),
            Err(error) => Err(OutputError::at(path)(error)),
        }
    }
}

mod units {
    use super::*;

    const MICRO: f64 = 1_000_000.0;

    pub(super) fn serialize<S: Serializer>(
        micro: &Option<i64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        // The shortest decimal of the quotient is the exact one up to billions of units.
        micro.map(|micro| micro as f64 / MICRO).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<i64>, D::Error> {
        let units = Option::<f64>::deserialize(deserializer)?;
        Ok(units.map(|units| (units * MICRO).round() as i64))
    }
}

mod time {
    use super::*;

    pub(super) fn serialize<S: Serializer>(at_ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        let time = Timestamp::from_millisecond(*at_ms).map_err(S::Error::custom)?;
        serializer.collect_str(&format_args!("{time:.3}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(time.as_millisecond())
    }
}
