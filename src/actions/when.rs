//! `WHEN`: a time in the past, as people type it. Days and months are UTC.

use std::{fmt, ops::Range, str::FromStr};

use jiff::{Span, SpanRelativeTo, civil::Date, tz::TimeZone};

/// The length of a UTC day, in ms.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A period in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So many milliseconds ago.
    Ago(i64),
    /// This UTC day.
    Today,
    /// The UTC day before.
    Yesterday,
    /// A UTC day.
    Day(Date),
    /// The first day of the month.
    Month(Date),
}

impl When {
    /// What may be typed.
    pub const ALLOWED: &'static str = "a duration such as `2h` or `7d`, `today`, `yesterday`, a day such as `2026-11-01`, \
        or a month such as `2026-11`; days are UTC";

    /// Returns the period (Unix ms) that is meant at `now_ms`; a duration is the period until now.
    pub fn period_ms(self, now_ms: i64) -> Range<i64> {
        let today_ms = now_ms - now_ms.rem_euclid(DAY_MS);
        match self {
            Self::Ago(ms) => now_ms.saturating_sub(ms)..now_ms,
            Self::Today => today_ms..today_ms + DAY_MS,
            Self::Yesterday => today_ms - DAY_MS..today_ms,
            Self::Day(day) => start_ms(day)..start_ms(day) + DAY_MS,
            Self::Month(first) => start_ms(first)..start_ms(first.last_of_month()) + DAY_MS,
        }
    }
}

fn start_ms(day: Date) -> i64 {
    // UTC has every time of every day that can be written with four digits.
    day.to_zoned(TimeZone::UTC).map_or(0, |start| start.timestamp().as_millisecond())
}

/// As it may be typed.
impl fmt::Display for When {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ago(ms) if ms % 1_000 == 0 => write!(formatter, "{}s", ms / 1_000),
            Self::Ago(ms) => write!(formatter, "{ms}ms"),
            Self::Today => formatter.write_str("today"),
            Self::Yesterday => formatter.write_str("yesterday"),
            Self::Day(day) => write!(formatter, "{day}"),
            Self::Month(first) => write!(formatter, "{:04}-{:02}", first.year(), first.month()),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let when = match text {
            "today" => Some(Self::Today),
            "yesterday" => Some(Self::Yesterday),
            _ => day(text).map(Self::Day).or_else(|| month(text)).or_else(|| ago(text)),
        };
        when.ok_or_else(|| format!("allowed: {}", Self::ALLOWED))
    }
}

/// `2026-11-01`, and no other form.
fn day(text: &str) -> Option<Date> {
    let is_day = text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    text.parse().ok().filter(|_| is_day)
}

fn month(text: &str) -> Option<When> {
    day(&format!("{text}-01")).map(When::Month)
}

fn ago(text: &str) -> Option<When> {
    let span = text.parse::<Span>().ok().filter(|_| text.starts_with(|c: char| c.is_ascii_digit()));
    let length = span?.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    let ms = i64::try_from(length.as_millis()).ok()?;
    (ms > 0).then_some(When::Ago(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-01 12:00:07 UTC.
    const NOW_MS: i64 = 1_772_366_407_000;

    fn period(text: &str) -> [String; 2] {
        let period = text.parse::<When>().unwrap().period_ms(NOW_MS);
        [period.start, period.end].map(|at_ms| {
            let at = jiff::Timestamp::from_millisecond(at_ms).unwrap();
            format!("{at:.3}").replace(":00.000Z", "")
        })
    }

    #[test]
    fn every_form_is_a_period() {
        for (text, start, end) in [
            ("2h", "2026-03-01T10:00:07.000Z", "2026-03-01T12:00:07.000Z"),
            ("7d", "2026-02-22T12:00:07.000Z", "2026-03-01T12:00:07.000Z"),
            ("1h 30m", "2026-03-01T10:30:07.000Z", "2026-03-01T12:00:07.000Z"),
            ("today", "2026-03-01T00:00", "2026-03-02T00:00"),
            ("yesterday", "2026-02-28T00:00", "2026-03-01T00:00"),
            ("2024-02-29", "2024-02-29T00:00", "2024-03-01T00:00"),
            ("2026-12", "2026-12-01T00:00", "2027-01-01T00:00"),
        ] {
            assert_eq!(period(text), [start, end], "{text}");
            assert_eq!(period(&text.parse::<When>().unwrap().to_string()), [start, end], "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_is_allowed() {
        for text in [
            "",
            "2",
            "now",
            "Today",
            "0h",
            "-2h",
            "2h ago",
            "2026",
            "2026-13",
            "2026-02-29",
            "2026-1-1",
            "20261101",
            "2026-11-01T00:00:00Z",
            "11/2026",
            "1mo",
        ] {
            assert_eq!(
                text.parse::<When>().unwrap_err(),
                format!("allowed: {}", When::ALLOWED),
                "{text:?}"
            );
        }
    }
}
