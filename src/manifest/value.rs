//! Readers of plain values: text, numbers, booleans, times. Each returns the value or reports a problem, and
//! never both.

use jiff::{SignedDuration, Timestamp};

use super::{
    problem::{Problem, ProblemCollector},
    value_type::ValueType,
    yaml::{Node, Scalar, ScalarType},
};

/// The longest text in bytes; signed URLs are long, nothing else is.
const MAX_TEXT_BYTES: usize = 4096;
/// The longest time in a manifest: far above what the API takes, far below what overflows.
const MAX_TIME_MS: i64 = 24 * 60 * 60 * 1000;

/// Reads the value of a key.
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

    /// The same with another help.
    pub(super) fn error_with<T>(&mut self, what: &str, help: &str) -> Option<T> {
        let what = format!("`{}` {what}", self.key);
        self.problems.add(Problem::at(self.node.location, what).help(help));
        None
    }

    /// Reports "`key` cannot be …", with what is allowed.
    pub(super) fn invalid<T>(&mut self) -> Option<T> {
        self.invalid_with(&self.value_type.allowed())
    }

    /// The same with another help.
    pub(super) fn invalid_with<T>(&mut self, help: &str) -> Option<T> {
        let what = format!("cannot be {}", self.node.shown());
        self.error_with(&what, help)
    }

    /// Text as it is written: a number or boolean without quotes is its own text.
    pub(super) fn text(&mut self, help: &str) -> Option<String> {
        let Some(Scalar { text, .. }) = self.node.scalar().filter(|scalar| has_text(scalar)) else {
            return self.invalid_with(help);
        };
        if text.trim().is_empty() {
            self.error_with("is empty", help)
        } else if text.len() > MAX_TEXT_BYTES {
            self.error_with("is longer than 4096 bytes", help)
        } else if let Some(control) = text.chars().find(|character| character.is_control()) {
            let what = format!("contains a control character (U+{:04X})", control as u32);
            self.error_with(&what, help)
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

    /// A boolean of YAML 1.2.
    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.node.scalar().map(Scalar::class) {
            Some(ScalarType::Bool(boolean)) => Some(boolean),
            _ => self.invalid(),
        }
    }

    /// A whole number in the range of the key's type.
    pub(super) fn integer<T: TryFrom<i64>>(&mut self) -> Option<T> {
        let ValueType::Integer(min, max) = self.value_type else { return self.invalid() };
        let number = self.node.scalar().and_then(Scalar::integer);
        let number = number.filter(|number| (min..=max).contains(number));
        number.and_then(|number| T::try_from(number).ok()).or_else(|| self.invalid())
    }

    /// Milliseconds, as a number or as a duration with units.
    pub(super) fn time_ms(&mut self) -> Option<i64> {
        let scalar = self.node.scalar().filter(|scalar| has_text(scalar));
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

    /// A time as Unix milliseconds.
    pub(super) fn date_time_ms(&mut self) -> Option<i64> {
        let scalar = self.node.scalar().filter(|scalar| has_text(scalar));
        match scalar.and_then(|scalar| scalar.text.parse::<Timestamp>().ok()) {
            Some(time) => Some(time.as_millisecond()),
            None => self.invalid(),
        }
    }
}

fn has_text(scalar: &Scalar) -> bool {
    !matches!(scalar.class(), ScalarType::Absent | ScalarType::Null)
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
