//! Readers of names: ids, outputs, external task ids, labels.

use std::collections::BTreeMap;

use super::{
    path::part_error,
    problem::{Problem, ProblemCollector},
    value::ValueReader,
    yaml::Entry,
};

/// The ending of the file that `watermark: true` adds beside an output; no output may be named so itself.
const WATERMARK_ENDING: &str = ".watermark.mp4";
const MAX_OUTPUT_BYTES: usize = 1024;
const MAX_LABELS: usize = 64;

impl ValueReader<'_> {
    /// A job's id: its text, so that `007` is "007" and `1.0` is "1.0".
    pub(super) fn job_id(&mut self) -> Option<String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        self.name(64, allowed)
    }

    /// The user's own name for a task. It becomes part of a URL's path, where dot segments, separators and
    /// escapes would lead elsewhere.
    pub(super) fn external_task_id(&mut self) -> Option<String> {
        self.name(128, |c: char| c.is_ascii_graphic() && !"/\\?#%".contains(c))
    }

    fn name(&mut self, max_len: usize, allowed: impl Fn(char) -> bool) -> Option<String> {
        let name = self.text(&self.value_type.allowed())?;
        if name.len() <= max_len && name.chars().all(allowed) && !name.starts_with('.') {
            Some(name)
        } else {
            self.invalid()
        }
    }

    pub(super) fn output(&mut self) -> Option<String> {
        let output = self.text(&self.value_type.allowed())?;
        match output_error(&output) {
            Some(error) => self.error(&format!("cannot be used: {error}")),
            None => Some(output),
        }
    }

    /// A mapping of names to texts; numbers and booleans are their own text.
    pub(super) fn labels(&mut self) -> Option<BTreeMap<String, String>> {
        let node = self.node;
        let Some(entries) = node.entries() else {
            let Some(problem) = node.text_problem() else { return self.invalid() };
            self.problems.add(problem);
            return None;
        };
        if entries.len() > MAX_LABELS {
            return self.error("has more than 64 entries");
        }
        let mut labels = BTreeMap::new();
        for entry in entries {
            if let Some(value) = label(entry, self.problems) {
                labels.insert(entry.key.to_string(), value);
            }
        }
        // A label with an error is missing; a repeated key does not get this far.
        (labels.len() == entries.len()).then_some(labels)
    }
}

/// A label's value. A value that is left empty, or is `null`, is the empty text.
fn label(entry: &Entry, problems: &mut ProblemCollector) -> Option<String> {
    if entry.value.is_refused() {
        return None;
    }
    let name = &*entry.key;
    let mut error = |location, what: &str| {
        problems.add(Problem::at(location, what).help("a line of text, at most 1024 bytes"));
        None
    };
    if name.trim().is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
        return error(entry.key_location, "a label's name has to be a text of 1 to 128 bytes");
    }
    let Some(scalar) = entry.value.scalar() else {
        let what = format!("a label cannot be {}", entry.value.in_words());
        return error(entry.value.location, &what);
    };
    if scalar.is_null() {
        return Some(String::new());
    }
    if scalar.text.len() > 1024 {
        return error(entry.value.location, "a label's text is too long");
    }
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    if scalar.text.chars().any(control) {
        return error(entry.value.location, "a label's text contains a control character");
    }
    Some(scalar.text.clone())
}

/// Why a path cannot be an output. A path that passes never collides with the watermarked result or the
/// metadata of another output, and no other output is in a folder of its name.
pub(super) fn output_error(output: &str) -> Option<&'static str> {
    let mut parts = output.split('/').rev();
    let name = parts.next().unwrap_or_default();
    let folder_like_file = |part: &str| part.ends_with(".mp4") || part.ends_with(".json");
    if output.starts_with('/') {
        Some("it has to be relative to `output_dir`")
    } else if output.len() > MAX_OUTPUT_BYTES {
        Some("it is longer than 1024 bytes")
    } else if let Some(error) = output.split('/').find_map(part_error) {
        Some(error)
    } else if !name.ends_with(".mp4") {
        Some("it has to end in `.mp4`")
    } else if name.ends_with(WATERMARK_ENDING) {
        Some("`.watermark.mp4` is reserved for watermarked results")
    } else if parts.any(folder_like_file) {
        Some("a folder in it is named like a result file")
    } else {
        None
    }
}
