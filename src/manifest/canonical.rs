//! How values are written into digests. A change here changes digests that are stored.

use serde_json::{Value, json};

use crate::job::{FaceChoice, JobSpec, Source, without_signature};

#[derive(Debug, Clone, Copy)]
pub(super) struct DigestInput<'a> {
    pub(super) spec: &'a JobSpec,
    /// The content of a local video; none: the path counts.
    pub(super) video_sha256: Option<&'a str>,
    /// The content of a local audio; none: the path counts.
    pub(super) audio_sha256: Option<&'a str>,
    /// An output that follows from the job's key is a default.
    pub(super) output_is_explicit: bool,
}

/// A URL, a path, a content and an id never have equal values.
pub(super) fn source(source: &Source, sha256: Option<&str>) -> Value {
    match (source, sha256) {
        (Source::Url(url), _) => json!(["url", without_signature(url)]),
        (Source::File(_), Some(sha256)) => json!(["sha256", sha256]),
        (Source::File(path), None) => json!(["file", path]),
        (Source::Id(id), _) => json!(["id", id]),
    }
}

pub(super) fn face(choice: &FaceChoice) -> Option<Value> {
    match choice {
        FaceChoice::Longest => None,
        FaceChoice::First => Some(json!("first")),
        FaceChoice::Only => Some(json!("only")),
        FaceChoice::Index(index) => Some(json!(["index", index])),
        FaceChoice::Id(id) => Some(json!(["id", id])),
    }
}

/// As text, because Rust fixes how the shortest decimal form is written, and JSON does not.
pub(super) fn volume(volume: f64) -> Option<Value> {
    // Adding 0 turns -0 into 0.
    (volume.to_bits() != 1.0_f64.to_bits()).then(|| json!((volume + 0.0).to_string()))
}

pub(super) fn unless_default<T: PartialEq + Into<Value>>(value: T, default: T) -> Option<Value> {
    (value != default).then(|| value.into())
}
