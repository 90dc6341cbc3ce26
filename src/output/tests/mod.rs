//! Results as real files and links, each test in its own folder.

use std::{fs, path::Path};

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{FileFacts, Metadata, OutputPaths, Part, PartSource, VideoKind, digest::hex};

mod aside;
mod copying;
mod crash;
mod parts;
mod paths;
mod publishing;
mod recognition;
mod superseded;
mod verdicts;

const VIDEO: &[u8] = b"a whole video";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn paths(folder: &TempDir) -> OutputPaths {
    OutputPaths::prepare(folder.path(), "promo/en.mp4").unwrap()
}

fn source(task_id: &str) -> PartSource<'_> {
    PartSource { task_id, kind: VideoKind::Result }
}

fn whole(_: &mut fs::File, _: u64) -> Result<(), String> {
    Ok(())
}

/// Downloads `bytes` as the given video of the task.
fn download(paths: &OutputPaths, task_id: &str, kind: VideoKind, bytes: &[u8]) -> FileFacts {
    let mut part = Part::open(paths, PartSource { task_id, kind }, 1000).unwrap();
    part.begin(0, Some("\"a\"")).unwrap();
    part.append(bytes).unwrap();
    part.finish(whole, Some(bytes.len() as u64)).unwrap()
}

fn metadata(task_id: &str, result: FileFacts, watermark: Option<FileFacts>) -> Metadata {
    let text = json!({
        "format": "lipsyncd-result",
        "job": "promo/en",
        "request_hash": "5a".repeat(32),
        "take": 1,
        "task_id": task_id,
        "external_task_id": "mine",
        "video": "welcome.mp4",
        "audio": "en.mp3",
        "face": {"id": "0", "start_ms": 0, "end_ms": 5000},
        "timing": {
            "sound_start_ms": 0,
            "sound_end_ms": 3000,
            "sound_insert_ms": 100,
            "sound_volume": 1.0,
            "original_audio_volume": 0.0,
        },
        "units": 0.500_001,
        "duration_ms": 5041,
        "sha256": result.sha256,
        "bytes": result.bytes,
        "watermark": watermark,
        "labels": {"team": "web"},
        "created_at": "2024-08-04T11:05:57.708Z",
        "finished_at": "2024-08-04T11:07:37.000Z",
    });
    Metadata::from_json(text.to_string().as_bytes()).unwrap()
}

/// Downloads and describes a result of this take; publishing is left to the test.
fn take(paths: &OutputPaths, take: u32, result: &[u8], watermark: Option<&[u8]>) -> Metadata {
    let task_id = format!("task-{take}");
    let marked = watermark.map(|bytes| download(paths, &task_id, VideoKind::Watermark, bytes));
    let facts = download(paths, &task_id, VideoKind::Result, result);
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
