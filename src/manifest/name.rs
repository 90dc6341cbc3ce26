//! Readers of names: ids, outputs, external task ids, labels.

use std::collections::BTreeMap;

use super::{
    path::part_fault,
    problem::{Problem, ProblemCollector},
    value::At,
    yaml::ScalarType,
};

const ID_HELP: &str = "1 to 64 letters, digits, `.`, `_` or `-`, not starting with `.`";
const OUTPUT_HELP: &str = "a path under `output_dir` that ends in `.mp4`, such as `promo/en.mp4`";
const EXTERNAL_HELP: &str =
    "1 to 128 visible ASCII characters, none of `/` `\\` `?` `#` `%`, not starting with `.`";
/// What `watermark: true` puts beside an output; no output may be named so itself.
const WATERMARK_ENDING: &str = ".watermark.mp4";
const MAX_OUTPUT_BYTES: usize = 1024;
const MAX_LABELS: usize = 64;

impl At<'_> {
    /// A job's id: what stands there as text, so that `007` is "007" and `1.0` is "1.0".
    pub(super) fn job_id(&mut self) -> Option<String> {
        let id = self.text(ID_HELP)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if id.len() <= 64 && id.chars().all(allowed) && !id.starts_with('.') {
            Some(id)
        } else {
            self.wrong(ID_HELP)
        }
    }

    /// The relative path of a result.
    pub(super) fn output(&mut self) -> Option<String> {
        let output = self.text(OUTPUT_HELP)?;
        match output_fault(&output) {
            Some(fault) => self.fault(&format!("cannot be used: {fault}"), OUTPUT_HELP),
            None => Some(output),
        }
    }

    /// The user's own name for a task. It stands in the path of a URL, where dot segments,
    /// separators and escapes would lead elsewhere.
    pub(super) fn external_task_id(&mut self) -> Option<String> {
        let id = self.text(EXTERNAL_HELP)?;
        let allowed = |c: char| c.is_ascii_graphic() && !"/\\?#%".contains(c);
        if id.len() <= 128 && id.chars().all(allowed) && !id.starts_with('.') {
            Some(id)
        } else {
            self.wrong(EXTERNAL_HELP)
        }
    }

    /// A mapping of names to texts; numbers and truth values are the text that stands there.
    pub(super) fn labels(&mut self) -> Option<BTreeMap<String, String>> {
        const HELP: &str = "a mapping of names to texts, such as `{campaign: spring}`";
        let node = self.node;
        let Some(entries) = node.entries() else {
            return self.wrong(HELP);
        };
        if entries.len() > MAX_LABELS {
            return self.fault("has more than 64 entries", HELP);
        }
        let mut labels = BTreeMap::new();
        let mut whole = true;
        for entry in entries {
            match label(entry, self.problems) {
                Some(value) => _ = labels.insert(entry.key.to_string(), value),
                None => whole = false,
            }
        }
        whole.then_some(labels)
    }
}

/// A label's value. One that is left empty is the empty text.
fn label(entry: &super::yaml::Entry, problems: &mut ProblemCollector) -> Option<String> {
    let name = &*entry.key;
    let mut fault = |location, what: &str| {
        problems.add(Problem::at(location, what).help("a line of text, at most 1024 bytes"));
        None
    };
    if name.trim().is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
        return fault(entry.key_location, "a label's name has to be a text of 1 to 128 bytes");
    }
    let Some(scalar) = entry.value.scalar() else {
        let what = format!("a label cannot be {}", entry.value.in_words());
        return fault(entry.value.location, &what);
    };
    if scalar.text.len() > 1024 {
        return fault(entry.value.location, "a label's text is too long");
    }
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    if scalar.class() != ScalarType::Absent && scalar.text.chars().any(control) {
        return fault(entry.value.location, "a label's text holds a control character");
    }
    Some(scalar.text.clone())
}

/// Why a path cannot be an output. What passes can never collide with the watermarked result or
/// the metadata of another output, nor be a folder of it.
pub(super) fn output_fault(output: &str) -> Option<&'static str> {
    let mut parts = output.split('/').rev();
    let name = parts.next().unwrap_or_default();
    let folder_like_file = |part: &str| part.ends_with(".mp4") || part.ends_with(".json");
    if output.starts_with('/') {
        Some("it has to be relative to `output_dir`")
    } else if output.len() > MAX_OUTPUT_BYTES {
        Some("it is longer than 1024 bytes")
    } else if let Some(fault) = output.split('/').find_map(part_fault) {
        Some(fault)
    } else if !name.ends_with(".mp4") {
        Some("it has to end in `.mp4`")
    } else if name.ends_with(WATERMARK_ENDING) {
        Some("`.watermark.mp4` is kept for watermarked results")
    } else if parts.any(folder_like_file) {
        Some("a folder named like a result may be in the way of one")
    } else {
        None
    }
}
