//! Results as real files and links, each test in its own folder.

use std::{fs, path::Path};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{
    FileFacts, Metadata, OutputPaths, Part, PartSource, TimingUsed, VideoKind, digest::hex,
};
use crate::job::FaceSpan;

mod aside;
mod copying;
mod crash;
mod parts;
mod paths;
mod publishing;
mod recognition;
mod superseded;

const VIDEO: &[u8] = b"a whole video";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn place(folder: &TempDir) -> OutputPaths {
    OutputPaths::prepare(folder.path(), "promo/en.mp4").unwrap()
}

fn source(task_id: &str) -> PartSource<'_> {
    PartSource { task_id, kind: VideoKind::Result }
}

fn whole(_: &mut fs::File, _: u64) -> Result<(), String> {
    Ok(())
}

/// Downloads `bytes` as the given video of the task.
fn download(place: &OutputPaths, task_id: &str, kind: VideoKind, bytes: &[u8]) -> FileFacts {
    let mut part = Part::open(place, PartSource { task_id, kind }, 1000).unwrap();
    part.begin(0, Some("\"a\"")).unwrap();
    part.append(bytes).unwrap();
    part.finish(whole, Some(bytes.len() as u64)).unwrap()
}

fn metadata(task_id: &str, result: FileFacts, watermark: Option<FileFacts>) -> Metadata {
    Metadata {
        job: "promo/en".into(),
        request_hash: "5a".repeat(32),
        take: 1,
        task_id: task_id.into(),
        external_task_id: "mine".into(),
        video: "welcome.mp4".into(),
        audio: "en.mp3".into(),
        face: FaceSpan { face_id: "0".into(), start_ms: 0, end_ms: 5000 },
        timing: TimingUsed {
            sound_start_ms: 0,
            sound_end_ms: 3000,
            sound_insert_ms: 100,
            sound_volume: 1.0,
            original_audio_volume: 0.0,
        },
        units_micro: Some(500_001),
        duration_ms: Some(5041),
        result,
        watermark,
        labels: [("team".to_owned(), "web".to_owned())].into(),
        created_at_ms: 1_722_769_557_708,
        finished_at_ms: 1_722_769_657_000,
    }
}

/// Downloads and describes a result of this take; publishing is left to the test.
fn take(place: &OutputPaths, take: u32, result: &[u8], watermark: Option<&[u8]>) -> Metadata {
    let task_id = format!("task-{take}");
    let marked = watermark.map(|bytes| download(place, &task_id, VideoKind::Watermark, bytes));
    let facts = download(place, &task_id, VideoKind::Result, result);
    Metadata { take, ..metadata(&task_id, facts, marked) }
}

fn facts(bytes: &[u8]) -> FileFacts {
    let sha256 = hex(Sha256::new().chain_update(bytes));
    FileFacts { sha256, bytes: bytes.len() as u64 }
}

/// The first digits of the SHA-256.
fn digest(bytes: &[u8], digits: usize) -> String {
    facts(bytes).sha256[..digits].to_owned()
}

/// The files of the job's folder that are not hidden.
fn visible(folder: &TempDir) -> Vec<String> {
    let names = names(&folder.path().join("promo"));
    names.into_iter().filter(|name| !name.starts_with('.')).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
