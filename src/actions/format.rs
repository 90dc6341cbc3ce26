//! Counts and units as text.

/// Formats a count with its noun: `1 job`, `2 jobs`.
pub fn counted(count: impl TryInto<i64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(i64::MAX);
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Formats millionths of a unit as units: `12.5`, `0`.
pub fn units(micro: i64) -> String {
    let (sign, micro) = (if micro < 0 { "-" } else { "" }, micro.unsigned_abs());
    let decimal = format!("{sign}{}.{:06}", micro / 1_000_000, micro % 1_000_000);
    decimal.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns millionths of a unit as a number of units, as in the views.
#[expect(clippy::cast_precision_loss, reason = "as in the views; far below 2^53 millionths")]
pub fn units_number(micro: i64) -> f64 {
    micro as f64 / 1e6
}
