//! The `.json` beside a result: what it was made from, what it cost, and the SHA-256 and size of its files.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{ErrorKind, Read, Write as _},
    path::{Path, PathBuf},
};

use rustix::fs::{Advice, fadvise};
use serde::{Deserialize, Serialize};

use super::{
    encode::{time, units},
    error::OutputError,
    facts::FileFacts,
    folder::sync_folder,
    paths::{OutputPaths, VideoKind},
    rename::{into_free, over_ours, remove_if_there},
    verdict::{self, VerdictFacts},
};
use crate::failpoint;
use crate::job::{FaceSpan, JobSpec, Plan, Source, Task, without_signature};

/// Metadata is never longer. A longer file is not from lipsyncd.
const METADATA_BYTES_MAX: u64 = 1 << 20;
/// Says what the file is, to people and to a later version.
const FORMAT: &str = "lipsyncd-result";
const SHA256_HEX_LEN: usize = 64;

/// The timing and volumes that were sent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the API's")]
pub struct TimingUsed {
    pub sound_start_ms: i64,
    pub sound_end_ms: i64,
    pub sound_insert_ms: i64,
    pub sound_volume: f64,
    pub original_audio_volume: f64,
}

/// Everything that is stored with a result. Contains no request ids and no secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the manifest and the API")]
pub struct Metadata {
    /// Key of the job that published the result first.
    pub job: String,
    /// Hash of the request, lower-case hexadecimal.
    pub request_hash: String,
    /// Take of the request, from 1. Request hash and take identify the task.
    pub take: u32,
    pub task_id: String,
    pub external_task_id: String,
    /// The video as written in the manifest.
    pub video: String,
    /// The audio as written in the manifest.
    pub audio: String,
    pub face: FaceSpan,
    pub timing: TimingUsed,
    /// What the task cost, in millionths of a unit; in the file, in units.
    #[serde(rename = "units", with = "units", default)]
    pub units_micro: Option<i64>,
    /// The same in money, for accounts that pay from a balance.
    #[serde(rename = "money", with = "units", default, skip_serializing_if = "Option::is_none")]
    pub money_micro: Option<i64>,
    /// Length of the result, as the API reports it.
    #[serde(default)]
    pub duration_ms: Option<i64>,
    /// SHA-256 and size of the result.
    #[serde(flatten)]
    pub result: FileFacts,
    /// SHA-256 and size of the watermarked result, if one was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<FileFacts>,
    /// What a person thinks of the result.
    #[serde(
        default,
        deserialize_with = "verdict::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub verdict: Option<VerdictFacts>,
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
    /// What is known of a task before the bytes of its result are there. `face` is the one that speaks.
    #[must_use]
    pub fn of_task(task: &Task, face: Option<FaceSpan>) -> Self {
        // A task that was found by its name after the database was lost has no plan.
        let plan = task.plan.as_ref();
        let plan_ms = |time: fn(&Plan) -> i64| plan.map_or(0, time);
        let face_id = plan.map(|plan| plan.face_id.clone()).unwrap_or_default();
        Self {
            job: task.spec.key.clone(),
            request_hash: task.request_hash.clone(),
            take: task.take,
            task_id: task.task_id.clone().unwrap_or_default(),
            external_task_id: task.external_task_id(),
            video: without_secret(&task.spec.video),
            audio: without_secret(&task.spec.audio),
            face: face.unwrap_or(FaceSpan { face_id, start_ms: 0, end_ms: 0 }),
            timing: TimingUsed {
                sound_start_ms: plan_ms(|plan| plan.sound_start_ms),
                sound_end_ms: plan_ms(|plan| plan.sound_end_ms),
                sound_insert_ms: plan_ms(|plan| plan.sound_insert_ms),
                sound_volume: task.spec.sound_volume,
                original_audio_volume: task.spec.original_audio_volume,
            },
            units_micro: Some(task.cost.units_micro),
            money_micro: Some(task.cost.money_micro).filter(|money| *money > 0),
            duration_ms: None,
            result: FileFacts { sha256: String::new(), bytes: 0 },
            watermark: None,
            verdict: None,
            labels: BTreeMap::new(),
            created_at_ms: task.made_at_ms(None),
            finished_at_ms: 0,
        }
    }

    /// The same for the file of one of the task's jobs.
    #[must_use]
    pub fn of_job(self, spec: &JobSpec) -> Self {
        Self { job: spec.key.clone(), labels: spec.labels.clone(), ..self }
    }

    /// Reads the metadata file at `path`. None if there is no file, or if the file is not from lipsyncd.
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

    /// The text of the metadata file at `path`.
    pub(super) fn text(&self, path: &Path) -> Result<Vec<u8>, OutputError> {
        self.to_json()
            .map_err(|source| OutputError::Io { path: path.to_owned(), source: source.into() })
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

/// Writes the text of a metadata file. The file and its name last when this returns.
///
/// With `replace`, the file replaces metadata that are known to be lipsyncd's own.
pub(super) fn write_text(path: &Path, text: &[u8], replace: bool) -> Result<(), OutputError> {
    MetadataPart::write(path, text)?.publish(replace)?;
    sync_folder(path.parent().unwrap_or(path))
}

/// A metadata file that does not have its name yet.
pub(super) struct MetadataPart<'a> {
    path: &'a Path,
    part: PathBuf,
    file: File,
}

impl<'a> MetadataPart<'a> {
    /// Writes the text, and lets the kernel begin to store it: then the sync of another file that follows stores both in one
    /// commit of the file system's journal.
    pub(super) fn write(path: &'a Path, text: &[u8]) -> Result<Self, OutputError> {
        let part = OutputPaths::part_of(path);
        let write = |mut file: File| {
            file.write_all(text)?;
            // The kernel begins to write pages that are not needed. Only a hint.
            let _not_here = fadvise(&file, 0, None, Advice::DontNeed);
            Ok(file)
        };
        failpoint::before("metadata.write");
        let file = match File::create_new(&part) {
            // The file is removed and created again, so that a link in its place is not followed.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                remove_if_there(&part)?;
                File::create_new(&part)
            }
            created => created,
        };
        let file = file.and_then(write).map_err(OutputError::at(&part))?;
        failpoint::after("metadata.write");
        Ok(Self { path, part, file })
    }

    /// Syncs the file and gives it its name. The name lasts once the folder is synced, too.
    pub(super) fn publish(self, replace: bool) -> Result<(), OutputError> {
        let synced = failpoint::around("metadata.sync", || self.file.sync_all());
        synced.map_err(OutputError::at(&self.part))?;
        match replace {
            true => over_ours(&self.part, self.path),
            false => into_free(&self.part, self.path),
        }
    }
}

/// A source as written in the manifest, without the signature of a signed URL, which is a secret.
fn without_secret(source: &Source) -> String {
    without_signature(source.as_written()).into_owned()
}

fn is_sha256(text: &str) -> bool {
    text.len() == SHA256_HEX_LEN
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
