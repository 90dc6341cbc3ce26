//! What a job asks, as a digest: two texts that ask the same have the same.
//!
//! The digests are kept in the database. A change of how they are made makes every job look edited.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::job::{FaceChoice, JobSpec, Source};

/// Of one job: its id but not its key, and its output only where the manifest names one.
pub(super) fn of_job(spec: &JobSpec, output_is_explicit: bool) -> String {
    let JobSpec {
        key: _,
        id,
        video,
        audio,
        face,
        sound_start_ms,
        sound_end_ms,
        sound_insert_ms,
        sound_volume,
        original_audio_volume,
        watermark,
        callback_url,
        external_task_id,
        output,
        priority,
        not_before_at_ms,
        labels,
    } = spec;
    // An array, so that nothing depends on an order of names.
    let said = json!([
        id,
        source(video),
        source(audio),
        match face {
            FaceChoice::Longest => json!("longest"),
            FaceChoice::First => json!("first"),
            FaceChoice::Only => json!("only"),
            FaceChoice::Index(index) => json!(["index", index]),
            FaceChoice::Id(id) => json!(["id", id]),
        },
        sound_start_ms,
        sound_end_ms,
        sound_insert_ms,
        sound_volume,
        original_audio_volume,
        watermark,
        callback_url,
        external_task_id,
        output_is_explicit.then_some(output),
        priority,
        not_before_at_ms,
        labels.iter().collect::<Vec<_>>(),
    ]);
    digest(&said.to_string())
}

fn source(source: &Source) -> Value {
    match source {
        Source::Url(url) => json!(["url", url]),
        Source::File(path) => json!(["file", path]),
        Source::Id(id) => json!(["id", id]),
    }
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut hex = String::with_capacity(2 * digest.len());
    for byte in digest {
        // Writing to a text cannot fail.
        let _written = write!(hex, "{byte:02x}");
    }
    hex
}
