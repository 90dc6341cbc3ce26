//! Readers of plain values: text, numbers, truth values, times. Each gives the value or puts a
//! problem on the report, and never both.

use jiff::{SignedDuration, Timestamp};

use super::{
    problem::{Problem, ProblemCollector},
    yaml::{Node, Scalar, ScalarType},
};

/// So many bytes a text may have; signed URLs are long, nothing else is.
const MAX_TEXT_BYTES: usize = 4096;
/// No time in a manifest is longer: far above what the API takes, far below what overflows.
const MAX_TIME_MS: i64 = 24 * 60 * 60 * 1000;

/// Where a value stands and what is told of it: the key's name, and the report.
pub(super) struct At<'a> {
    pub(super) key: &'a str,
    pub(super) node: &'a Node,
    pub(super) problems: &'a mut ProblemCollector,
}

impl At<'_> {
    /// Tells a fault of the value: "`key` is no …", with what is allowed.
    pub(super) fn fault<T>(&mut self, what: &str, help: &str) -> Option<T> {
        let what = format!("`{}` {what}", self.key);
        self.problems.add(Problem::at(self.node.location, what).help(help));
        None
    }

    /// The value is of the wrong type.
    pub(super) fn wrong<T>(&mut self, help: &str) -> Option<T> {
        let what = format!("cannot be {}", self.node.shown());
        self.fault(&what, help)
    }

    /// Text as it is written: a number or truth value without quotes is the text that stands there.
    pub(super) fn text(&mut self, help: &str) -> Option<String> {
        let Some(Scalar { text, .. }) = self.node.scalar().filter(|scalar| has_text(scalar)) else {
            return self.wrong(help);
        };
        if text.trim().is_empty() {
            self.fault("is empty", help)
        } else if text.len() > MAX_TEXT_BYTES {
            self.fault("is longer than 4096 bytes", help)
        } else if let Some(control) = text.chars().find(|character| character.is_control()) {
            let what = format!("holds a control character (U+{:04X})", control as u32);
            self.fault(&what, help)
        } else {
            Some(text.clone())
        }
    }

    /// A number from 0 to 2.
    pub(super) fn volume(&mut self) -> Option<f64> {
        const HELP: &str = "a number from 0 to 2, 1 is as loud as it is";
        match self.node.scalar().and_then(Scalar::decimal) {
            // Adding makes 0 of -0.
            Some(volume) if (0.0..=2.0).contains(&volume) => Some(volume + 0.0),
            _ => self.wrong(HELP),
        }
    }

    /// A truth value of YAML 1.2.
    pub(super) fn truth(&mut self) -> Option<bool> {
        match self.node.scalar().map(Scalar::class) {
            Some(ScalarType::Bool(truth)) => Some(truth),
            _ => self.wrong("write `true` or `false`, without quotes"),
        }
    }

    /// A whole number from -100 to 100.
    pub(super) fn priority(&mut self) -> Option<i32> {
        match self.node.scalar().and_then(Scalar::integer) {
            Some(number @ -100..=100) => i32::try_from(number).ok(),
            _ => self.wrong("a whole number from -100 to 100, higher goes first"),
        }
    }

    /// A whole number from 1 to 99.
    pub(super) fn take(&mut self) -> Option<u32> {
        match self.node.scalar().and_then(Scalar::integer) {
            Some(number @ 1..=99) => u32::try_from(number).ok(),
            _ => self.wrong("a whole number from 1 to 99; each take is paid for"),
        }
    }

    /// Milliseconds, as a number or as a duration with units.
    pub(super) fn time_ms(&mut self) -> Option<i64> {
        const HELP: &str = "milliseconds such as `1500`, or a duration such as `1.5s` or `1m 2s`";
        let Some(scalar) = self.node.scalar().filter(|scalar| has_text(scalar)) else {
            return self.wrong(HELP);
        };
        let Some(duration) = duration(&scalar.text) else {
            return self.wrong(HELP);
        };
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        if duration.is_negative() {
            self.fault("cannot be negative", HELP)
        } else if duration.subsec_nanos() % 1_000_000 != 0 {
            self.fault("is finer than a millisecond", HELP)
        } else if ms > MAX_TIME_MS {
            self.fault("is longer than a day", HELP)
        } else {
            Some(ms)
        }
    }

    /// A moment as Unix milliseconds.
    pub(super) fn moment_ms(&mut self) -> Option<i64> {
        let help =
            "a time with its zone such as `2026-12-24T18:00:00Z` or `2026-12-24T18:00:00+01:00`";
        let scalar = self.node.scalar().filter(|scalar| has_text(scalar));
        match scalar.and_then(|scalar| scalar.text.parse::<Timestamp>().ok()) {
            Some(moment) => Some(moment.as_millisecond()),
            None => self.wrong(help),
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
