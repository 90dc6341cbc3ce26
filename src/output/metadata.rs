//! The `.json` beside a result: what it was made from, what it cost, and the SHA-256 and size of its files.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    encode::{time, units},
    error::OutputError,
    facts::FileFacts,
    paths::VideoKind,
};

/// Metadata is never longer. A longer file is not from lipsyncd.
const METADATA_BYTES_MAX: u64 = 1 << 20;
/// Says what the file is, to people and to a later version.
const FORMAT: &str = "lipsyncd-result";
const SHA256_HEX_LEN: usize = 64;

/// The face that speaks, from Identify Face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaceUsed {
    /// `face_id` of Identify Face.
    pub id: String,
    /// When the face appears in the video.
    pub start_ms: i64,
    /// When the face is last visible.
    pub end_ms: i64,
}

/// The timing and volumes that were sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimingUsed {
    /// Start of the crop of the audio.
    pub sound_start_ms: i64,
    /// End of the crop of the audio.
    pub sound_end_ms: i64,
    /// Where the audio starts in the video.
    pub sound_insert_ms: i64,
    /// 0..=2.
    pub sound_volume: f64,
    /// 0..=2.
    pub original_audio_volume: f64,
}

/// Everything that is stored with a result. Contains no request ids and no secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Key of the job that published the result first.
    pub job: String,
    /// Hash of the request, lower-case hexadecimal.
    pub request_hash: String,
    /// Take of the request, from 1. Request hash and take identify the task.
    pub take: u32,
    /// Kling's id of the task.
    pub task_id: String,
    /// The task's `external_task_id`.
    pub external_task_id: String,
    /// The video as written in the manifest.
    pub video: String,
    /// The audio as written in the manifest.
    pub audio: String,
    /// The face that speaks.
    pub face: FaceUsed,
    /// Timing and volumes.
    pub timing: TimingUsed,
    /// What the task cost, in millionths of a unit; in the file, in units.
    #[serde(rename = "units", with = "units", default)]
    pub units_micro: Option<i64>,
    /// Length of the result, as the API reports it.
    #[serde(default)]
    pub duration_ms: Option<i64>,
    /// SHA-256 and size of the result.
    #[serde(flatten)]
    pub result: FileFacts,
    /// SHA-256 and size of the watermarked result, if one was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<FileFacts>,
    /// Labels of the manifest.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// When the task was accepted, Unix time; in the file, RFC 3339.
    #[serde(rename = "created_at", with = "time")]
    pub created_at_ms: i64,
    /// When the result was complete on disk.
    #[serde(rename = "finished_at", with = "time")]
    pub finished_at_ms: i64,
}

/// What the file contains: the format, then the metadata. Unknown keys are ignored on reading.
#[derive(Serialize, Deserialize)]
struct Document<M> {
    format: String,
    #[serde(flatten)]
    metadata: M,
}

impl Metadata {
    /// Reads the metadata file at `path`. None if there is no file, or if the file is not from lipsyncd.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn read(path: &Path) -> Result<Option<Self>, OutputError> {
        let mut text = Vec::new();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OutputError::at(path)(error)),
        };
        match file.take(METADATA_BYTES_MAX).read_to_end(&mut text) {
            Ok(_) => Ok(Self::from_json(&text)),
            Err(error) if error.kind() == ErrorKind::IsADirectory => Ok(None),
            Err(error) => Err(OutputError::at(path)(error)),
        }
    }

    /// Parses the text of a metadata file. None if the text is not from lipsyncd.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        let document: Document<Self> = serde_json::from_slice(text).ok()?;
        let metadata = document.metadata;
        // The SHA-256 becomes part of a file name: nothing else than a digest may get there.
        let is_valid = document.format == FORMAT
            && metadata.files().all(|(_, facts)| is_sha256(&facts.sha256));
        is_valid.then_some(metadata)
    }

    /// The text of the metadata file.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let document = Document { format: FORMAT.to_owned(), metadata: self };
        let mut text = serde_json::to_vec_pretty(&document)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Returns true if both are about the same task: one request, one take.
    pub fn is_same_task(&self, other: &Self) -> bool {
        self.is_task(&other.request_hash, other.take)
    }

    /// Returns true if the result is from this take of this request.
    pub fn is_task(&self, request_hash: &str, take: u32) -> bool {
        self.request_hash == request_hash && self.take == take
    }

    /// The SHA-256 and size of one of the two videos.
    pub fn facts(&self, kind: VideoKind) -> Option<&FileFacts> {
        match kind {
            VideoKind::Result => Some(&self.result),
            VideoKind::Watermark => self.watermark.as_ref(),
        }
    }

    /// The videos of the task, the result first.
    pub(super) fn files(&self) -> impl DoubleEndedIterator<Item = (VideoKind, &FileFacts)> {
        let kinds = [VideoKind::Result, VideoKind::Watermark].into_iter();
        kinds.filter_map(|kind| Some((kind, self.facts(kind)?)))
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == SHA256_HEX_LEN
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
