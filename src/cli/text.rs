//! Formats values for people: times, durations, units, sizes, and text from other sources.
//!
//! Text from manifests, labels, file names or the API passes through [`safe`] before it reaches a terminal.

use std::borrow::Cow;

use jiff::Timestamp;

pub(super) use crate::actions::{counted, units, units_number};
pub(super) use crate::redact::shell_word;

/// Makes `text` safe on a terminal and keeps it on one line: escapes control characters (ESC, newlines, C1) and
/// marks that reorder text.
pub(super) fn safe(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Whether `character` is a control character, or changes the direction or the lines of text.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{2028}' | '\u{2029}' | '\u{061c}')
}

pub(super) fn first_line(text: &str) -> Cow<'_, str> {
    safe(text.lines().next().unwrap_or_default())
}

/// Formats a stored time (Unix ms) in ISO 8601, UTC, with ms: for `--json`, as in the views.
pub(super) fn iso_ms(at_ms: i64) -> String {
    timestamp(at_ms).map_or_else(|| at_ms.to_string(), |at| format!("{at:.3}"))
}

/// Formats a stored time (Unix ms) for people: `2026-03-01 12:00:07 UTC`.
pub(super) fn time(at_ms: i64) -> String {
    timestamp(at_ms)
        .map_or_else(|| at_ms.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn timestamp(at_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at_ms).ok()
}

/// Formats a duration in its two greatest units: `3m 20s`, `2h 5m`, `1d 4h`.
pub(super) fn duration(length_ms: i64) -> String {
    let seconds = length_ms.max(0) / 1000;
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let shown: Vec<String> = parts
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

/// Formats a position in an audio file or video: `1.5s`, `0s`, `1m 2.25s`.
pub(super) fn position(at_ms: i64) -> String {
    let (minutes, rest_ms) = (at_ms / 60_000, at_ms % 60_000);
    let seconds = trimmed(format!("{}.{:03}", rest_ms / 1000, rest_ms % 1000));
    if minutes == 0 { format!("{seconds}s") } else { format!("{minutes}m {seconds}s") }
}

/// Formats a size: `734 bytes`, `1.5 MiB`.
#[expect(clippy::cast_precision_loss, reason = "rounded to one decimal anyway")]
pub(super) fn bytes(size: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| size >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", size as f64 / *unit as f64),
        None => format!("{size} bytes"),
    }
}

fn trimmed(decimal: String) -> String {
    decimal.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(safe("Grüße 世界"), "Grüße 世界");
        assert_eq!(safe("a\u{1b}[31mb\nc\td\u{7f}\u{9b}e"), "a\\u{1b}[31mb\\nc\\td\\u{7f}\\u{9b}e");
        assert_eq!(safe("abc\u{202e}gpj"), "abc\\u{202e}gpj");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(iso_ms(1_772_366_407_050), "2026-03-01T12:00:07.050Z");
        assert_eq!(iso_ms(1_772_366_407_000), "2026-03-01T12:00:07.000Z");
        assert_eq!(time(1_772_366_407_050), "2026-03-01 12:00:07 UTC");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn durations_keep_their_two_greatest_units() {
        let shown =
            [0, 999, 1_000, 200_000, 3_600_000, 7_500_000, 7_205_000, 100_800_000].map(duration);
        assert_eq!(shown, ["0s", "0s", "1s", "3m 20s", "1h", "2h 5m", "2h", "1d 4h"]);
        assert_eq!(duration(-5), "0s");
    }

    #[test]
    fn positions_keep_their_milliseconds() {
        assert_eq!([0, 1_500, 62_250, 20].map(position), ["0s", "1.5s", "1m 2.25s", "0.02s"]);
    }

    #[test]
    fn units_are_exact() {
        assert_eq!(
            [0, 12_500_000, 50_000, -1_000_000, 100_000_000].map(units),
            ["0", "12.5", "0.05", "-1", "100"]
        );
    }

    #[test]
    fn sizes_have_a_fitting_unit() {
        assert_eq!(
            [0, 1_023, 1_536, 1_572_864, 2 << 30].map(bytes),
            ["0 bytes", "1023 bytes", "1.5 KiB", "1.5 MiB", "2.0 GiB"]
        );
    }
}
