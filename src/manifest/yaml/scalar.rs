//! A scalar's text, and its type in YAML 1.2's core schema.

#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    /// The text as written, without quotes; escapes resolved.
    pub(crate) text: String,
    pub(crate) style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: it may be a number, a boolean or null.
    Plain,
    /// Always text; `\` begins an escape.
    DoubleQuoted,
    /// In single quotes, as a block, or tagged `!!str`: always text.
    Text,
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarType {
    Absent,
    Null,
    Bool(bool),
    Number,
    Text,
}

impl Scalar {
    pub(crate) fn class(&self) -> ScalarType {
        match self.style {
            Style::Absent => ScalarType::Absent,
            Style::DoubleQuoted | Style::Text => ScalarType::Text,
            Style::Plain => match self.text.as_str() {
                "null" | "Null" | "NULL" | "~" => ScalarType::Null,
                "true" | "True" | "TRUE" => ScalarType::Bool(true),
                "false" | "False" | "FALSE" => ScalarType::Bool(false),
                text if is_number(text) => ScalarType::Number,
                _ => ScalarType::Text,
            },
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.class(), ScalarType::Absent | ScalarType::Null)
    }

    /// Returns the whole number, if it is written in decimal digits without quotes and fits.
    pub(crate) fn integer(&self) -> Option<i64> {
        let digits = self.text.strip_prefix(['-', '+']).unwrap_or(&self.text);
        let decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if self.style == Style::Plain && decimal { self.text.parse().ok() } else { None }
    }

    /// Returns the finite number, if it is written as a decimal without quotes.
    pub(crate) fn decimal(&self) -> Option<f64> {
        if self.style != Style::Plain || !is_decimal(&self.text) {
            return None;
        }
        self.text.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let radix = |prefix: &str, radix: u32| {
        text.strip_prefix(prefix)
            .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)))
    };
    is_decimal(text)
        || matches!(unsigned, ".inf" | ".Inf" | ".INF")
        || matches!(text, ".nan" | ".NaN" | ".NAN")
        || radix("0x", 16)
        || radix("0o", 8)
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let starts_like_number = match unsigned.as_bytes() {
        [b'.', digit, ..] | [digit, ..] => digit.is_ascii_digit(),
        [] => false,
    };
    // `inf` and `nan`, which Rust would read as numbers, do not start like a number.
    starts_like_number && text.parse::<f64>().is_ok()
}
