//! The types of values: what is allowed, in words and as a JSON Schema, and the readers of plain values.
//!
//! A reader returns the value or reports a problem, and never both. A schema never refuses what a reader
//! accepts. Where a reader takes any scalar as text, the schema allows numbers and booleans, too.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    problem::{Problem, ProblemCollector},
    yaml::{Node, Scalar, ScalarType, Style},
};

/// The longest text in bytes; signed URLs are long, nothing else is.
const MAX_TEXT_BYTES: usize = 4096;
/// The longest time in a manifest: far above what the API takes, far below what overflows.
const MAX_TIME_MS: i64 = 24 * 60 * 60 * 1000;

/// Text that may be a duration: `1.5s`, `1m 2s`, `0:01:02`, `PT1.5S`. The reader decides; editors mark any other text.
pub(crate) const DURATION_PATTERN: &str = r"^[+-]?\s*(\d+([.,]\d+)?\s*[ydhmswunµ][a-zµ]*,?\s*)+(\d+:\d+:\d+([.,]\d+)?)?(\s*ago)?$|^[+-]?(\d+:\d+:|[Pp])";

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

    pub(super) fn schema(self) -> Value {
        match self {
            Self::JobId => text(r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"),
            Self::Source(endings) => {
                let pattern = format!("^[Hh][Tt][Tt][Pp][Ss]?:|{}", any_case(endings));
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
            Self::Time => json!({
                "type": ["integer", "string"],
                "minimum": 0,
                "maximum": 86_400_000,
                "pattern": format!(r"^[+-]?\d+$|{DURATION_PATTERN}"),
            }),
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

pub(super) struct ValueReader<'a> {
    pub(super) key: &'a str,
    pub(super) value_type: ValueType,
    pub(super) node: &'a Node,
    pub(super) problems: &'a mut ProblemCollector,
}

impl ValueReader<'_> {
    /// Reports "`key` …", with what is allowed.
    pub(super) fn error<T>(&mut self, what: &str) -> Option<T> {
        self.error_with(what, &self.value_type.allowed())
    }

    pub(super) fn error_with<T>(&mut self, what: &str, help: &str) -> Option<T> {
        if !self.node.is_refused() {
            let what = format!("`{}` {what}", self.key);
            self.problems.add(Problem::at(self.node.location, what).help(help));
        }
        None
    }

    /// Reports "`key` cannot be …", with what is allowed.
    pub(super) fn invalid<T>(&mut self) -> Option<T> {
        self.invalid_with(&self.value_type.allowed())
    }

    pub(super) fn invalid_with<T>(&mut self, help: &str) -> Option<T> {
        let what = format!("cannot be {}", self.node.shown());
        self.error_with(&what, help)
    }

    /// Reads text as it is written, also of a number or boolean without quotes.
    pub(super) fn text(&mut self, help: &str) -> Option<String> {
        let scalar = self.node.scalar().filter(|scalar| !scalar.is_null());
        let Some(Scalar { text, style }) = scalar else {
            return self.invalid_with(help);
        };
        let location = self.node.location;
        if text.trim().is_empty() {
            self.error_with("is empty", help)
        } else if text.len() > MAX_TEXT_BYTES {
            self.error_with("is longer than 4096 bytes", help)
        } else if let Some(control) = text.chars().find(|character| character.is_control()) {
            let what = format!("contains a control character (U+{:04X})", control as u32);
            let help = match style {
                Style::DoubleQuoted => {
                    "inside of double quotes `\\` begins an escape: use `/` in paths, or single quotes around the value"
                }
                _ if control == '\n' => {
                    "write it in one line; `|-` and `>-` end a text without a line break"
                }
                _ => help,
            };
            self.error_with(&what, help)
        } else if *style == Style::Plain && location.end.0 > location.line {
            // YAML joins the lines by a space, which nobody wants in a path, URL or name.
            self.error_with("continues on the next line", "write it in one line")
        } else {
            Some(text.clone())
        }
    }

    pub(super) fn volume(&mut self) -> Option<f64> {
        match self.node.scalar().and_then(Scalar::decimal) {
            // Adding 0 turns -0 into 0.
            Some(volume) if (0.0..=2.0).contains(&volume) => Some(volume + 0.0),
            _ => self.invalid(),
        }
    }

    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.node.scalar().map(Scalar::class) {
            Some(ScalarType::Bool(boolean)) => Some(boolean),
            _ => self.invalid(),
        }
    }

    pub(super) fn integer<T: TryFrom<i64>>(&mut self) -> Option<T> {
        let ValueType::Integer(min, max) = self.value_type else { return self.invalid() };
        let number = self.node.scalar().and_then(Scalar::integer);
        let number = number.filter(|number| (min..=max).contains(number));
        number.and_then(|number| T::try_from(number).ok()).or_else(|| self.invalid())
    }

    pub(super) fn time_ms(&mut self) -> Option<i64> {
        let scalar = self.node.scalar().filter(|scalar| !scalar.is_null());
        let Some(duration) = scalar.and_then(|scalar| duration(&scalar.text)) else {
            return self.invalid();
        };
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        if duration.is_negative() {
            self.error("cannot be negative")
        } else if duration.subsec_nanos() % 1_000_000 != 0 {
            self.error("has a fraction of a millisecond")
        } else if ms > MAX_TIME_MS {
            self.error("is longer than a day")
        } else {
            Some(ms)
        }
    }

    pub(super) fn date_time_ms(&mut self) -> Option<i64> {
        let scalar = self.node.scalar().filter(|scalar| !scalar.is_null());
        match scalar.and_then(|scalar| scalar.text.parse::<Timestamp>().ok()) {
            Some(time) => Some(time.as_millisecond()),
            None => self.invalid(),
        }
    }
}

/// Digits alone are milliseconds; all else needs units.
fn duration(text: &str) -> Option<SignedDuration> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok().map(SignedDuration::from_millis)
    } else {
        text.parse().ok()
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
