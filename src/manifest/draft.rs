//! What one mapping of job keys says, before defaults are filled in: `defaults` itself, or a job.

use std::collections::BTreeMap;

use super::{
    keys::{KEYS, KeyDefault, ManifestKey, Setter, TABLE},
    problem::{Location, Problem, ProblemCollector, is_invisible, quoted, resembling},
    value::ValueReader,
    yaml::{Entry, ScalarType},
};

pub(super) struct Field {
    pub(super) location: Location,
    pub(super) value: FieldValue,
}

pub(super) enum FieldValue {
    Set(Setter),
    /// `null`: the key's own default, whatever `defaults` says.
    Reset,
    Invalid,
}

/// The keys that were given. An invalid key is included, so that it is not also reported as missing.
#[derive(Default)]
pub(super) struct Draft(BTreeMap<&'static str, Field>);

/// The keys of a job after those of `defaults` were added.
pub(super) type Fields<'a> = BTreeMap<&'static str, &'a Field>;

/// Which mapping is read: it decides what is allowed, and how a problem is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Single,
    InBatch,
    Defaults,
}

impl Draft {
    pub(super) fn read(entries: &[Entry], role: Role, problems: &mut ProblemCollector) -> Self {
        let mut draft = BTreeMap::new();
        for entry in entries {
            match TABLE.iter().find(|key| key.name == &*entry.key) {
                Some(key) if key.name == "id" && role != Role::InBatch => {
                    problems.add(misplaced_id(entry, role));
                }
                Some(key) => _ = draft.insert(key.name, read_field(key, entry, problems)),
                None if role == Role::Single && is_note(&entry.key) => {}
                None => {
                    // A single job and the defaults have no `id`, which is the first key.
                    let known = if role == Role::InBatch { &KEYS[..] } else { &KEYS[1..] };
                    problems.add(unknown(entry, known, role == Role::Single));
                    // A misspelled key is not also reported as missing, least of all once per job.
                    if let Some(meant) = meant(&entry.key, &KEYS) {
                        let location = entry.value.location;
                        draft
                            .entry(meant)
                            .or_insert(Field { location, value: FieldValue::Invalid });
                    }
                }
            }
        }
        Self(draft)
    }

    /// Returns the keys of a job: its own win over those of `defaults`.
    pub(super) fn with_defaults<'a>(&'a self, defaults: &'a Self) -> Fields<'a> {
        defaults.0.iter().chain(&self.0).map(|(name, field)| (*name, field)).collect()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Field> {
        self.0.get(key)
    }
}

/// Returns true for a key that people use for anchors and notes: it is ignored at the top of a manifest.
pub(super) fn is_note(key: &str) -> bool {
    key.starts_with("x-")
}

/// The problem of an unknown key. At the top of a manifest, keys for notes are known.
pub(super) fn unknown(entry: &Entry, known: &[&str], is_top: bool) -> Problem {
    let key = &*entry.key;
    let problem = Problem::at(entry.key_location, format!("unknown key {}", quoted(key)));
    let is_like_note = is_note(&key.replace('_', "-").to_lowercase());
    problem.help(if key.starts_with("//") {
        "comments begin with `#`".to_owned()
    } else if let Some(invisible) = key.chars().find(|c| is_invisible(*c)) {
        format!("it contains an invisible character (U+{:04X}): remove it", invisible as u32)
    } else if let Some((name, _)) = key.split_once(':').filter(|(name, _)| known.contains(name)) {
        format!("write a space after `{name}:`")
    } else if let Some(meant) = meant(key, known) {
        format!("did you mean `{meant}`?")
    } else if is_like_note && is_top {
        "keys for notes begin with `x-`".to_owned()
    } else if is_like_note {
        "keys that begin with `x-` are allowed at the top of the manifest only".to_owned()
    } else {
        let notes = if is_top { ", and `x-…` for notes" } else { "" };
        format!("known here: {}{notes}", known.join(", "))
    })
}

/// Returns the known key that a word resembles, or that has the word as its name in the API.
fn meant<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    // Also of a word that only begins like it.
    let begins = |name: &&str| name.starts_with(word) && word.len() > 4;
    let is_of_api = ["sound_file", "sound_url", "sound_id"].iter().any(begins);
    let of_api = known.iter().copied().find(|key| is_of_api && *key == "audio");
    of_api.or_else(|| resembling(word, known.iter().copied()))
}

fn misplaced_id(entry: &Entry, role: Role) -> Problem {
    let (what, help) = match role {
        Role::Defaults => ("`id` cannot be a default", "give each job its own `id`"),
        _ => (
            "a single job has no `id`: it is named by its file",
            "rename the file, or put the job in a list under `jobs`",
        ),
    };
    Problem::at(entry.key_location, what).help(help)
}

fn read_field(key: &'static ManifestKey, entry: &Entry, problems: &mut ProblemCollector) -> Field {
    let location = entry.value.location;
    let scalar_type = entry.value.scalar().map(|scalar| scalar.class());
    let is_optional = key.default != KeyDefault::Required;
    let value = match scalar_type {
        Some(ScalarType::Null) if is_optional => FieldValue::Reset,
        Some(ScalarType::Absent) if is_optional => {
            let help = "set a value, or remove the key; `null` means the key's own default";
            problems.add(Problem::at(location, format!("`{}` is empty", key.name)).help(help));
            FieldValue::Invalid
        }
        _ => {
            let (node, value_type) = (&*entry.value, key.value_type);
            let mut reader = ValueReader { key: key.name, value_type, node, problems };
            (key.read)(&mut reader).map_or(FieldValue::Invalid, FieldValue::Set)
        }
    };
    Field { location, value }
}
