//! Decimal text to whole numbers of a smaller unit, without floating point.

/// Returns `text` times ten to the power of `places`; none if it is not a plain decimal, is negative, or is too large.
///
/// Digits beyond `places` round up, so that a deduction is never reported too small.
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
    use proptest::prelude::*;

    use super::scaled;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn decimal_text_is_read_back(
            micro in prop_oneof![0..=i64::MAX, 0..10_000_000_i64],
            zeros in 0..30_usize,
            more in 0..30_usize,
        ) {
            let (whole, rest) = (micro / 1_000_000, micro % 1_000_000);
            let (zeros, more) = ("0".repeat(zeros), "0".repeat(more));
            prop_assert_eq!(scaled(&format!(" {zeros}{whole}.{rest:06}{more}\n"), 6), Some(micro));
        }

        /// A value is never reported too small, and at most a millionth too large.
        #[test]
        fn extra_digits_round_up(whole in 0..9_000_000_000_000_i64, digits in "[0-9]{7,18}") {
            let micro = scaled(&format!("{whole}.{digits}"), 6).map(i128::from);
            let exact: i128 = format!("{whole}{digits:0<18}").parse().unwrap();
            let scale = 10_i128.pow(12);
            prop_assert_eq!(micro, Some((exact + scale - 1) / scale));
        }

        #[test]
        fn no_text_becomes_a_negative_number(
            text in "[-+]?[0-9]{0,25}[.,]?[0-9]{0,25}(e[0-9]{1,3})?|\\PC{0,12}",
            places in 0..20_u32,
        ) {
            prop_assert!(scaled(&text, places).is_none_or(|value| value >= 0));
        }

        /// The text that serde_json gives for a number of the API.
        #[test]
        fn no_number_becomes_a_negative_one(number: f64) {
            if let Some(number) = serde_json::Number::from_f64(number) {
                prop_assert!(scaled(&number.to_string(), 6).is_none_or(|value| value >= 0));
            }
        }
    }

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
