//! Decimal text to whole numbers of a smaller unit, by text arithmetic: money never meets a float.

/// `text` times ten to the power of `places`; none if it is no plain decimal, negative, or too large.
///
/// Digits beyond `places` round up, so that a deduction is never told smaller than it is.
pub(super) fn scaled(text: &str, places: u32) -> Option<i64> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return None;
    }
    let places = usize::try_from(places).ok()?;
    let kept = &fraction[..fraction.len().min(places)];
    let lost = &fraction[kept.len()..];
    let padded = format!("{whole}{kept:0<places$}");
    let value: i64 = if padded.is_empty() { 0 } else { padded.parse().ok()? };
    let round_up = lost.bytes().any(|byte| byte != b'0');
    value.checked_add(i64::from(round_up))
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn decimals_become_micro_units_without_loss() {
        for (text, micro) in [
            ("0", Some(0)),
            ("5", Some(5_000_000)),
            ("0.1", Some(100_000)),
            (".5", Some(500_000)),
            ("3.", Some(3_000_000)),
            (" 1.500000 ", Some(1_500_000)),
            ("0.0000001", Some(1)),
            ("1.0000000", Some(1_000_000)),
            ("9223372036854.775807", Some(i64::MAX)),
            ("9223372036854.775808", None),
            ("", None),
            (".", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1,5", None),
            ("٣", None),
            ("many", None),
        ] {
            assert_eq!(scaled(text, 6), micro, "{text:?}");
        }
        assert_eq!(scaled("5.041", 3), Some(5041));
        assert_eq!(scaled("7", 0), Some(7));
    }
}
