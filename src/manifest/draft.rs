//! What one mapping of job keys says, before defaults are filled in: `defaults` itself, or a job.

use std::collections::BTreeMap;

use super::{
    keys::KEYS,
    problem::{Location, Problem, ProblemCollector, did_you_mean, quoted, resembling},
    source::Medium,
    value::At,
    yaml::{Entry, ScalarType},
};
use crate::job::{FaceChoice, Source};

/// A key that was given.
#[derive(Debug, Clone)]
pub(super) struct Field<T> {
    pub(super) location: Location,
    pub(super) value: Value<T>,
}

impl<T> Field<T> {
    const fn faulty(location: Location) -> Self {
        Self { location, value: Value::Faulty }
    }
}

/// What a given key says.
#[derive(Debug, Clone)]
pub(super) enum Value<T> {
    Set(T),
    /// `null`: the key's own default, whatever `defaults` says.
    Reset,
    /// Wrong, and told.
    Faulty,
}

/// The keys that were given. A faulty one is there, so that it is not told as missing too.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) id: Option<Field<String>>,
    pub(super) video: Option<Field<Source>>,
    pub(super) audio: Option<Field<Source>>,
    pub(super) face: Option<Field<FaceChoice>>,
    pub(super) sound_start_ms: Option<Field<i64>>,
    pub(super) sound_end_ms: Option<Field<i64>>,
    pub(super) sound_insert_ms: Option<Field<i64>>,
    pub(super) sound_volume: Option<Field<f64>>,
    pub(super) original_audio_volume: Option<Field<f64>>,
    pub(super) watermark: Option<Field<bool>>,
    pub(super) callback_url: Option<Field<String>>,
    pub(super) external_task_id: Option<Field<String>>,
    pub(super) take: Option<Field<u32>>,
    pub(super) output: Option<Field<String>>,
    pub(super) priority: Option<Field<i32>>,
    pub(super) not_before_at_ms: Option<Field<i64>>,
    pub(super) labels: Option<Field<BTreeMap<String, String>>>,
}

/// Where a draft stands, for what is allowed there and how a fault is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Single,
    InBatch,
    Defaults,
}

impl Draft {
    /// Reads all entries, and tells each fault.
    pub(super) fn read(entries: &[Entry], role: Role, problems: &mut ProblemCollector) -> Self {
        let mut draft = Self::default();
        for entry in entries {
            draft.take(entry, role, problems);
        }
        draft
    }

    fn take(&mut self, entry: &Entry, role: Role, problems: &mut ProblemCollector) {
        match &*entry.key {
            "id" if role != Role::InBatch => problems.add(misplaced_id(entry, role)),
            "id" => self.id = required(entry, problems, |at| at.job_id()),
            "video" => self.video = required(entry, problems, |at| at.source(Medium::Video)),
            "audio" => self.audio = required(entry, problems, |at| at.source(Medium::Audio)),
            "face" => self.face = optional(entry, problems, |at| at.face()),
            "sound_start_time" => {
                self.sound_start_ms = optional(entry, problems, |at| at.time_ms())
            }
            "sound_end_time" => self.sound_end_ms = optional(entry, problems, |at| at.time_ms()),
            "sound_insert_time" => {
                self.sound_insert_ms = optional(entry, problems, |at| at.time_ms());
            }
            "sound_volume" => self.sound_volume = optional(entry, problems, |at| at.volume()),
            "original_audio_volume" => {
                self.original_audio_volume = optional(entry, problems, |at| at.volume());
            }
            "watermark" => self.watermark = optional(entry, problems, |at| at.truth()),
            "callback_url" => self.callback_url = optional(entry, problems, |at| at.address()),
            "external_task_id" => {
                self.external_task_id = optional(entry, problems, |at| at.external_task_id());
            }
            "take" => self.take = optional(entry, problems, |at| at.take()),
            "output" => self.output = optional(entry, problems, |at| at.output()),
            "priority" => self.priority = optional(entry, problems, |at| at.priority()),
            "not_before" => self.not_before_at_ms = optional(entry, problems, |at| at.moment_ms()),
            "labels" => self.labels = optional(entry, problems, |at| at.labels()),
            _ => {
                problems.add(unknown(entry, &KEYS));
                self.excuse(resembling(&entry.key, KEYS), entry.value.location);
            }
        }
    }

    /// A needed key that was misspelt is not told as missing too, least of all once a job.
    fn excuse(&mut self, meant: Option<&str>, location: Location) {
        match meant {
            Some("id") => _ = self.id.get_or_insert(Field::faulty(location)),
            Some("video") => _ = self.video.get_or_insert(Field::faulty(location)),
            Some("audio") => _ = self.audio.get_or_insert(Field::faulty(location)),
            _ => {}
        }
    }
}

/// A key that means nothing where it stands.
pub(super) fn unknown(entry: &Entry, known: &[&str]) -> Problem {
    let problem = Problem::at(entry.key_location, format!("unknown key {}", quoted(&entry.key)));
    let meant = did_you_mean(&entry.key, known.iter().copied());
    problem.help(meant.unwrap_or_else(|| format!("known here: {}", known.join(", "))))
}

fn misplaced_id(entry: &Entry, role: Role) -> Problem {
    let (what, help) = match role {
        Role::Defaults => ("`id` cannot be a default", "give each job its own"),
        _ => (
            "a single job has no `id`: it is named by its file",
            "rename the file, or put the job in a list under `jobs`",
        ),
    };
    Problem::at(entry.key_location, what).help(help)
}

fn required<T>(
    entry: &Entry,
    problems: &mut ProblemCollector,
    read: impl FnOnce(&mut At<'_>) -> Option<T>,
) -> Option<Field<T>> {
    let mut at = At { key: &entry.key, node: &entry.value, problems };
    let value = read(&mut at).map_or(Value::Faulty, Value::Set);
    Some(Field { location: entry.value.location, value })
}

fn optional<T>(
    entry: &Entry,
    problems: &mut ProblemCollector,
    read: impl FnOnce(&mut At<'_>) -> Option<T>,
) -> Option<Field<T>> {
    let location = entry.value.location;
    let value = match entry.value.scalar().map(|scalar| scalar.class()) {
        Some(ScalarType::Null) => Value::Reset,
        Some(ScalarType::Absent) => {
            let what = format!("`{}` is left empty", entry.key);
            let help = "give it a value, or leave the key out; `null` stands for its own default";
            problems.add(Problem::at(location, what).help(help));
            Value::Faulty
        }
        _ => return required(entry, problems, read),
    };
    Some(Field { location, value })
}
