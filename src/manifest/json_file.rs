//! JSON files in the jobs folder: which of them are manifests. Programs store JSON for many purposes.
//!
//! Does not touch the disk.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

use super::file_name::has_ending;

/// Whether the file of this name may be any JSON: its content decides.
#[must_use]
pub fn is_json(name: &str) -> bool {
    has_ending(name, ".json")
}

/// Returns true if a JSON text is a manifest: it has `jobs`, or `video` and `audio`, at its top. The metadata of a
/// result has these, too, and are none. A text that is no JSON counts if it has the keys anywhere: its error has a place
/// then.
#[must_use]
pub fn is_json_manifest(text: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct ResultMetadata {
        format: String,
    }
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let has_key: Box<dyn Fn(&str) -> bool> =
        match serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(text) {
            Ok(top) => Box::new(move |key| top.contains_key(key)),
            Err(error) if error.is_data() => return false,
            Err(_) => {
                let text = String::from_utf8_lossy(text).into_owned();
                Box::new(move |key| text.contains(&format!("\"{key}\"")))
            }
        };
    let is_metadata = || {
        serde_json::from_slice::<ResultMetadata>(text)
            .is_ok_and(|it| it.format == "lipsyncd-result")
    };
    has_key("jobs") || has_key("video") && has_key("audio") && !is_metadata()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_what_a_json_file_is() {
        for text in [
            r#"{"jobs": []}"#,
            r#"{"x": 1, "jobs": null}"#,
            r#"{"video": 1, "audio": 2}"#,
            "\u{feff}{\"jobs\": []}",
            // Not JSON, but meant as a manifest: the error is reported with its place.
            r#"{"jobs": [}"#,
            r#"{"video": "a", "audio": "b",}"#,
        ] {
            assert!(is_json_manifest(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "[]",
            "null",
            r#"["jobs"]"#,
            r#"{"video": 1}"#,
            r#"{"streams": [{"video": 1, "audio": 2}]}"#,
            r#"{"name": "x", "scripts": {}}"#,
            r#"{"format": "lipsyncd-result", "video": "v", "audio": "a"}"#,
        ] {
            assert!(!is_json_manifest(text.as_bytes()), "{text}");
        }
    }
}
