//! The types of values: what is allowed, in words for messages and pages, and as a JSON Schema for editors.
//!
//! A schema never refuses what a manifest may say. Where a manifest takes any scalar as text, the schema
//! allows numbers and booleans, too.

use serde_json::{Value, json};

/// What a key's value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum ValueType {
    JobId,
    /// A video or audio; a file's name has one of the endings.
    Source(&'static [&'static str]),
    Face,
    Time,
    Volume,
    Bool,
    Url,
    ExternalTaskId,
    /// From, to.
    Integer(i64, i64),
    Output,
    DateTime,
    Labels,
}

impl ValueType {
    /// Returns what is allowed, as a phrase.
    pub(super) fn allowed(self) -> String {
        match self {
            Self::JobId => "1 to 64 letters, digits, `.`, `_` or `-`, not starting with `.`".into(),
            Self::Source(_) => {
                "an http(s) URL, a path, or one of `{url: …}`, `{file: …}`, `{id: …}`".into()
            }
            Self::Face => {
                "`longest`, `first`, `only`, `{index: n}` counted from 0, or `{id: \"…\"}`".into()
            }
            Self::Time => {
                "milliseconds such as `1500`, or a duration such as `1.5s` or `1m 2s`".into()
            }
            Self::Volume => "a number from 0 to 2".into(),
            Self::Bool => "`true` or `false`, without quotes".into(),
            Self::Url => "a URL that starts with `http://` or `https://`".into(),
            Self::ExternalTaskId => {
                "1 to 128 visible ASCII characters, none of `/` `\\` `?` `#` `%`, not \
                                     starting with `.`"
                    .into()
            }
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Output => {
                "a path under `output_dir` that ends in `.mp4`, such as `promo/en.mp4`".into()
            }
            Self::DateTime => "a time with its zone such as `2026-12-24T18:00:00Z` or \
                               `2026-12-24T18:00:00+01:00`"
                .into(),
            Self::Labels => "a mapping of names to texts, such as `{campaign: spring}`".into(),
        }
    }

    /// Returns the JSON Schema of a value.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::JobId => text(r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"),
            Self::Source(endings) => {
                let pattern = format!("^[Hh][Tt][Tt][Pp][Ss]?://|{}", any_case(endings));
                let file = json!({"type": "string", "pattern": any_case(endings)});
                one_of(
                    json!({"type": "string", "pattern": pattern}),
                    &json!({"url": Self::Url.schema(), "file": file, "id": text(r"^\S+$")}),
                )
            }
            Self::Face => one_of(
                json!({"enum": ["longest", "first", "only"]}),
                &json!({"index": {"type": "integer", "minimum": 0}, "id": text(r"^\S+$")}),
            ),
            Self::Time => {
                json!({"type": ["integer", "string"], "minimum": 0, "maximum": 86_400_000})
            }
            Self::Volume => json!({"type": "number", "minimum": 0, "maximum": 2}),
            Self::Bool => json!({"type": "boolean"}),
            Self::Url => json!({"type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?:"}),
            Self::ExternalTaskId => text(r"^[^./\\?#%\s][^/\\?#%\s]{0,127}$"),
            Self::Integer(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
            Self::Output => json!({"type": "string", "pattern": r"^[^/.].*\.mp4$"}),
            Self::DateTime => json!({"type": "string", "format": "date-time"}),
            Self::Labels => json!({
                "type": "object",
                "maxProperties": 64,
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            }),
        }
    }
}

/// Any scalar, read as text.
fn text(pattern: &str) -> Value {
    json!({"type": ["string", "number", "boolean"], "pattern": pattern})
}

/// A plain value, or a mapping with one of the properties.
fn one_of(plain: Value, properties: &Value) -> Value {
    let mapping = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    });
    json!({"anyOf": [plain, mapping]})
}

/// A pattern of names that end so, in any case: JSON Schema has no flag for that.
fn any_case(endings: &[&str]) -> String {
    let letter = |letter: char| match letter {
        'a'..='z' => format!("[{}{letter}]", letter.to_ascii_uppercase()),
        _ => format!("[{letter}]"),
    };
    let endings: Vec<String> =
        endings.iter().map(|end| end.chars().map(letter).collect()).collect();
    format!("[^/]({})$", endings.join("|"))
}
