//! Values as people read them. HTML escapes texts of others; [`text`] also keeps their direction to themselves.

use jiff::Timestamp;
use maud::{Markup, html};

pub(super) use crate::actions::units;
use crate::actions::with_times;

/// A reason, as [`text`], with its times as all others of the page.
pub(super) fn reason(reason: &str) -> Markup {
    let shown = |iso: &str| {
        let at: Timestamp = iso.parse().ok()?;
        Some(at.strftime("%Y-%m-%d %H:%M:%S").to_string())
    };
    text(&with_times(reason, shown))
}

/// A text of others: marks that reorder text have no effect outside of it.
pub(super) fn text(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// A stored time (Unix ms): `2026-03-01 12:00:07`.
pub(super) fn time(at_ms: i64) -> Markup {
    match Timestamp::from_millisecond(at_ms) {
        Ok(at) => html! {
            time datetime=(format!("{at:.3}")) { (at.strftime("%Y-%m-%d %H:%M:%S").to_string()) }
        },
        Err(_) => html! { (at_ms) },
    }
}

/// The same for a time of a view.
pub(super) fn iso_time(at: &str) -> Markup {
    html! {
        @match (at.get(..10), at.get(11..19)) {
            (Some(day), Some(time)) => time datetime=(at) { (day) " " (time) },
            _ => (at),
        }
    }
}

/// A count with its noun: `1 job`, `2,500 jobs`.
pub(super) fn counted(count: impl TryInto<i64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(i64::MAX);
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}

/// A number with separators: `1,000,000`.
pub(super) fn number(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut text = String::from(if count < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1_000, -1_234_567].map(number), ["0", "999", "1,000", "-1,234,567"]);
        assert_eq!([1, 2_500_i64].map(|count| counted(count, "job")), ["1 job", "2,500 jobs"]);
    }

    #[test]
    fn times_of_reasons_have_the_form_of_the_page() {
        let shown = reason("paid calls resume at 2026-03-01T12:00:07.050Z & later").into_string();
        assert_eq!(shown, "<bdi>paid calls resume at 2026-03-01 12:00:07 &amp; later</bdi>");
    }

    #[test]
    fn texts_of_others_are_escaped() {
        let shown = text("<script>\u{202e}\"'&").into_string();
        assert_eq!(shown, "<bdi>&lt;script&gt;\u{202e}&quot;'&amp;</bdi>");
    }
}
