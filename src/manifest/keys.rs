//! The table of a job's manifest keys: the one place that lists every key.
//!
//! The parser, both digests, the JSON Schema, the man page and the check of the documentation are made from
//! it. A key with its default is no part of a digest, so that a new key changes no digest that is already
//! stored.

use std::{fmt, rc::Rc};

use serde_json::{Value, json};

use super::{
    canonical::{DigestInput, face, source, unless_default, volume},
    source::{AUDIO_ENDINGS, VIDEO_ENDINGS},
    value::{
        ValueReader,
        ValueType::{
            self, Bool, DateTime, ExternalTaskId, Face, Integer, JobId, Labels, Output, Time, Url,
            Volume,
        },
    },
};
use crate::job::JobSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyClass {
    /// The key decides what Kling makes and charges: the key is part of the request hash.
    Request,
    /// The key concerns one job only. `take` is here because a task has it beside its request hash.
    Job,
}

/// What holds when a key is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDefault {
    /// The key cannot be left out.
    Required,
    /// This value, as a manifest writes it.
    Value(&'static str),
    /// What these words describe.
    Words(&'static str),
}

impl fmt::Display for KeyDefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("required"),
            Self::Value(value) => write!(f, "`{value}`"),
            Self::Words(words) => f.write_str(words),
        }
    }
}

pub(super) type Setter = Rc<dyn Fn(&mut JobSpec)>;

/// One key of a job.
#[derive(Debug, Clone, Copy)]
pub struct ManifestKey {
    /// The key as a manifest writes it.
    pub name: &'static str,
    pub(super) class: KeyClass,
    pub(super) value_type: ValueType,
    /// What holds when the key is left out.
    pub default: KeyDefault,
    /// What the key is for, in sentences.
    pub meaning: &'static str,
    /// A value that is not the default, as a manifest writes it.
    pub(super) example: &'static str,
    pub(super) read: fn(&mut ValueReader<'_>) -> Option<Setter>,
    /// The value in a digest, or none for the default. Changing it changes stored digests.
    pub(super) canonical: fn(&DigestInput<'_>) -> Option<Value>,
}

impl ManifestKey {
    /// Returns what is allowed as the key's value, as a phrase.
    #[must_use]
    pub fn allowed(&self) -> String {
        self.value_type.allowed()
    }

    /// Returns what is allowed and what holds when the key is left out, as sentences.
    #[must_use]
    pub fn rule(&self) -> String {
        match self.default {
            KeyDefault::Required => format!("Required: {}.", self.allowed()),
            default => format!("Allowed: {}. Default: {default}.", self.allowed()),
        }
    }
}

/// A reader of a value (a method of `ValueReader`) that puts the value into a field of the job.
macro_rules! read {
    ($method:ident $(::<$of:ty>)? => $field:ident) => {
        |reader| {
            let value = reader.$method$(::<$of>)?()?;
            Some(Rc::new(move |spec: &mut JobSpec| spec.$field = value.clone().into()))
        }
    };
}

/// Every key of a job, in the order in which the documentation lists them.
pub(super) const TABLE: [ManifestKey; 17] = [
    ManifestKey {
        name: "id",
        class: KeyClass::Job,
        value_type: JobId,
        default: KeyDefault::Required,
        meaning: "Names the job. Required and unique in a batch. A single job is named by its file and has no `id`.",
        example: "en",
        read: read!(job_id => id),
        canonical: |it| it.spec.id.as_ref().map(|id| json!(id)),
    },
    ManifestKey {
        name: "video",
        class: KeyClass::Request,
        value_type: ValueType::Source(&VIDEO_ENDINGS),
        default: KeyDefault::Required,
        meaning: "The video to dub: `.mp4` or `.mov`. A local file is uploaded (`upload.s3`), or your web server serves it \
                  (`media.public_base_url`). An `id` is the id of a video that Kling made.",
        example: "https://cdn.example.com/welcome.mp4",
        read: read!(source => video),
        canonical: |it| Some(source(&it.spec.video, it.video_sha256)),
    },
    ManifestKey {
        name: "audio",
        class: KeyClass::Request,
        value_type: ValueType::Source(&AUDIO_ENDINGS),
        default: KeyDefault::Required,
        meaning: "The audio to speak. A local file (`.mp3`, `.wav`, `.m4a`, `.aac`; at most 5 MB, 2 to 60 s) is sent \
                  in the request. An `id` needs `sound_end_time`, because the API does not report the length.",
        example: "https://cdn.example.com/welcome-en.mp3",
        read: read!(source => audio),
        canonical: |it| Some(source(&it.spec.audio, it.audio_sha256)),
    },
    ManifestKey {
        name: "face",
        class: KeyClass::Request,
        value_type: Face,
        default: KeyDefault::Value("longest"),
        meaning: "Which face speaks: the face seen longest, the first to appear, the only face (several fail the job), \
                  a place in the API's list from 0, or the API's id of the face.",
        example: r#"{"index": 1}"#,
        read: read!(face => face),
        canonical: |it| face(&it.spec.face),
    },
    ManifestKey {
        name: "sound_start_time",
        class: KeyClass::Request,
        value_type: Time,
        default: KeyDefault::Value("0"),
        meaning: "Where the audio is cropped from.",
        example: "500",
        read: read!(time_ms => sound_start_ms),
        canonical: |it| unless_default(it.spec.sound_start_ms, 0),
    },
    ManifestKey {
        name: "sound_end_time",
        class: KeyClass::Request,
        value_type: Time,
        default: KeyDefault::Words("as much of the audio as fits"),
        meaning: "Where the crop ends, at least 2 s after its start. When the key is left out, lipsyncd downloads \
                  remote audio once to measure its length.",
        example: "8.5s",
        read: read!(time_ms => sound_end_ms),
        canonical: |it| it.spec.sound_end_ms.map(Value::from),
    },
    ManifestKey {
        name: "sound_insert_time",
        class: KeyClass::Request,
        value_type: Time,
        default: KeyDefault::Words("when the chosen face appears"),
        meaning: "Where in the video the audio starts.",
        example: "1.5s",
        read: read!(time_ms => sound_insert_ms),
        canonical: |it| it.spec.sound_insert_ms.map(Value::from),
    },
    ManifestKey {
        name: "sound_volume",
        class: KeyClass::Request,
        value_type: Volume,
        default: KeyDefault::Value("1"),
        meaning: "The volume of the audio.",
        example: "1.2",
        read: read!(volume => sound_volume),
        canonical: |it| volume(it.spec.sound_volume),
    },
    ManifestKey {
        name: "original_audio_volume",
        class: KeyClass::Request,
        value_type: Volume,
        default: KeyDefault::Value("1"),
        meaning: "The volume of the video's own audio; 0 silences it.",
        example: "0.1",
        read: read!(volume => original_audio_volume),
        canonical: |it| volume(it.spec.original_audio_volume),
    },
    ManifestKey {
        name: "watermark",
        class: KeyClass::Request,
        value_type: Bool,
        default: KeyDefault::Value("false"),
        meaning: "Whether the watermarked result is fetched, too.",
        example: "true",
        read: read!(boolean => watermark),
        canonical: |it| unless_default(it.spec.watermark, false),
    },
    ManifestKey {
        name: "callback_url",
        class: KeyClass::Job,
        value_type: Url,
        default: KeyDefault::Words("none"),
        meaning: "Kling reports changes of the task to this URL.",
        example: "https://hooks.example.com/kling",
        read: read!(url => callback_url),
        // With its signature: that is the receiver's secret, and a new secret is an edit.
        canonical: |it| it.spec.callback_url.as_ref().map(|url| json!(url)),
    },
    ManifestKey {
        name: "external_task_id",
        class: KeyClass::Request,
        value_type: ExternalTaskId,
        default: KeyDefault::Words("made from the request"),
        meaning: "The name of the task in your account. It belongs to one request. Takes above 1 append `-2`, `-3`, …",
        example: "welcome-en-1",
        read: read!(external_task_id => external_task_id),
        canonical: |it| it.spec.external_task_id.as_ref().map(|id| json!(id)),
    },
    ManifestKey {
        name: "take",
        class: KeyClass::Job,
        value_type: Integer(1, 99),
        default: KeyDefault::Words("the newest take that has not failed, or 1"),
        meaning: "Which take of the same request the job gets. Jobs with the same request and take share one task, \
                  which is paid once; each other take is paid for again.",
        example: "2",
        read: read!(integer::<u32> => take),
        // A job without `take` joins the newest take, so `take: 1` is not the default.
        canonical: |it| it.spec.take.map(Value::from),
    },
    ManifestKey {
        name: "output",
        class: KeyClass::Job,
        value_type: Output,
        default: KeyDefault::Words("the job's key with `.mp4`"),
        meaning: "The path of the result under `output_dir`.",
        example: "spring/welcome.mp4",
        read: read!(output => output),
        canonical: |it| it.output_is_explicit.then(|| json!(it.spec.output)),
    },
    ManifestKey {
        name: "priority",
        class: KeyClass::Job,
        value_type: Integer(-100, 100),
        default: KeyDefault::Value("0"),
        meaning: "Higher priorities run first. Within one priority, manifests take turns.",
        example: "10",
        read: read!(integer::<i32> => priority),
        canonical: |it| unless_default(it.spec.priority, 0),
    },
    ManifestKey {
        name: "not_before",
        class: KeyClass::Job,
        value_type: DateTime,
        default: KeyDefault::Words("at once"),
        meaning: "The job waits until this time.",
        example: "2026-12-24T18:00:00+01:00",
        read: read!(date_time_ms => not_before_at_ms),
        canonical: |it| it.spec.not_before_at_ms.map(Value::from),
    },
    ManifestKey {
        name: "labels",
        class: KeyClass::Job,
        value_type: Labels,
        default: KeyDefault::Words("none"),
        meaning: "Kept with the job and in its metadata.",
        example: r#"{"campaign": "spring"}"#,
        read: read!(labels => labels),
        canonical: |it| {
            let labels: Vec<_> = it.spec.labels.iter().collect();
            (!labels.is_empty()).then(|| json!(labels))
        },
    },
];

/// Every key of a job, in the order in which the documentation lists them.
#[must_use]
pub fn keys() -> &'static [ManifestKey] {
    &TABLE
}

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
