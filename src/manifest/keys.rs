//! The table of a job's manifest keys: the one place that lists every key.
//!
//! The table is the base of both digests. A key with its default is no part of a digest, so that a
//! new key changes no digest that is already stored.

use serde_json::{Value, json};

use crate::job::{FaceChoice, JobSpec, Source, without_signature};

/// What a key decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyClass {
    /// The key decides what Kling makes and charges: the key is part of the request hash.
    Request,
    /// The key concerns one job only. `take` is here because a task has it beside its request hash.
    Job,
}

/// One key of a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) class: KeyClass,
    /// The canonical value, or none for the default. Changing it changes stored digests.
    pub(super) value: fn(&Subject<'_>) -> Option<Value>,
}

/// What a digest is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) spec: &'a JobSpec,
    /// The content of a local video; none: the path counts.
    pub(super) video_sha256: Option<&'a str>,
    /// The content of a local audio; none: the path counts.
    pub(super) audio_sha256: Option<&'a str>,
    /// An output that follows from the job's key is a default.
    pub(super) output_is_explicit: bool,
}

/// Every key of a job, in the order in which the documentation lists them.
pub(super) const TABLE: [Key; 17] = [
    job("id", |it| it.spec.id.as_ref().map(|id| json!(id))),
    request("video", |it| Some(source(&it.spec.video, it.video_sha256))),
    request("audio", |it| Some(source(&it.spec.audio, it.audio_sha256))),
    request("face", |it| match &it.spec.face {
        FaceChoice::Longest => None,
        FaceChoice::First => Some(json!("first")),
        FaceChoice::Only => Some(json!("only")),
        FaceChoice::Index(index) => Some(json!(["index", index])),
        FaceChoice::Id(id) => Some(json!(["id", id])),
    }),
    request("sound_start_time", |it| unless_default(it.spec.sound_start_ms, 0)),
    request("sound_end_time", |it| it.spec.sound_end_ms.map(Value::from)),
    request("sound_insert_time", |it| it.spec.sound_insert_ms.map(Value::from)),
    request("sound_volume", |it| volume(it.spec.sound_volume)),
    request("original_audio_volume", |it| volume(it.spec.original_audio_volume)),
    request("watermark", |it| unless_default(it.spec.watermark, false)),
    // With its signature: that is the receiver's secret, and a new secret is an edit.
    job("callback_url", |it| it.spec.callback_url.as_ref().map(|url| json!(url))),
    request("external_task_id", |it| it.spec.external_task_id.as_ref().map(|id| json!(id))),
    // A job without `take` joins the newest take, so `take: 1` is not the default.
    job("take", |it| it.spec.take.map(Value::from)),
    job("output", |it| it.output_is_explicit.then(|| json!(it.spec.output))),
    job("priority", |it| unless_default(it.spec.priority, 0)),
    job("not_before", |it| it.spec.not_before_at_ms.map(Value::from)),
    job("labels", |it| {
        let labels: Vec<_> = it.spec.labels.iter().collect();
        (!labels.is_empty()).then(|| json!(labels))
    }),
];

/// The name of every key of a job.
pub const KEYS: [&str; TABLE.len()] = {
    let mut names = [""; TABLE.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = TABLE[index].name;
        index += 1;
    }
    names
};

const fn request(name: &'static str, value: fn(&Subject<'_>) -> Option<Value>) -> Key {
    Key { name, class: KeyClass::Request, value }
}

const fn job(name: &'static str, value: fn(&Subject<'_>) -> Option<Value>) -> Key {
    Key { name, class: KeyClass::Job, value }
}

/// A URL, a path, a content and an id never have equal values.
fn source(source: &Source, sha256: Option<&str>) -> Value {
    match (source, sha256) {
        (Source::Url(url), _) => json!(["url", without_signature(url)]),
        (Source::File(_), Some(sha256)) => json!(["sha256", sha256]),
        (Source::File(path), None) => json!(["file", path]),
        (Source::Id(id), _) => json!(["id", id]),
    }
}

/// As text, because Rust fixes how the shortest decimal form is written, and JSON does not.
fn volume(volume: f64) -> Option<Value> {
    // Adding 0 turns -0 into 0.
    (volume.to_bits() != 1.0_f64.to_bits()).then(|| json!((volume + 0.0).to_string()))
}

fn unless_default<T: PartialEq + Into<Value>>(value: T, default: T) -> Option<Value> {
    (value != default).then(|| value.into())
}
