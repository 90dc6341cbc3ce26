//! What the account's resource packs have left, in words, for `status` and `doctor`.

use super::text::{counted, safe, time, units};
use crate::store::StoredPack;

/// Returns what is left at `now_ms` (Unix time) and when it ends; none: the account has no packs.
pub(super) fn summary(packs: &[StoredPack], now_ms: i64) -> Option<String> {
    if packs.is_empty() {
        return None;
    }
    let usable: Vec<&StoredPack> = packs.iter().filter(|pack| pack.is_usable(now_ms)).collect();
    let ends = |pack: &StoredPack| pack.invalid_at_ms.map(time);
    Some(match usable.as_slice() {
        [] => format!("no units left: {}, none in effect", counted(packs.len(), "resource pack")),
        [pack] => {
            let name = pack.name.as_deref().unwrap_or("the resource pack");
            let total = pack.total_micro.map(|total| format!(" of {}", units(total)));
            let left = units(pack.remaining_micro.unwrap_or(0));
            let ends = ends(pack).map(|end| format!("; ends {end}")).unwrap_or_default();
            format!("{left}{} units left in {}{ends}", total.unwrap_or_default(), safe(name))
        }
        many => {
            let first = many.iter().filter_map(|pack| pack.invalid_at_ms).min();
            let ends = first.map(|end_ms| format!("; the first ends {}", time(end_ms)));
            let count = counted(many.len(), "resource pack");
            format!(
                "{} units left in {count}{}",
                units(left_micro(packs, now_ms)),
                ends.unwrap_or_default()
            )
        }
    })
}

/// Returns what all packs have left, in millionths of a unit.
pub(super) fn left_micro<'a>(packs: impl IntoIterator<Item = &'a StoredPack>, now_ms: i64) -> i64 {
    let usable = packs.into_iter().filter(|pack| pack.is_usable(now_ms));
    usable.filter_map(|pack| pack.remaining_micro).fold(0, i64::saturating_add)
}

/// Says that the queue needs more than is left; none: it does not, as far as prices are known, or a pack is filled again
/// in each period. `needed` is the known price in millionths of a unit, and whether the queue costs more than that.
pub(super) fn shortage(packs: &[StoredPack], needed: (i64, bool), now_ms: i64) -> Option<String> {
    let (needed_micro, is_lower_bound) = needed;
    let at_least = if is_lower_bound { "at least " } else { "" };
    let refills = |pack: &StoredPack| pack.kind.as_deref() == Some("constant_period");
    let is_final = !packs.is_empty() && !packs.iter().any(refills);
    (is_final && needed_micro > left_micro(packs, now_ms))
        .then(|| format!("the queue needs {at_least}{} units, more than that", units(needed_micro)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_772_366_407_050;

    fn pack(name: &str, left: i64, ends_in_days: i64) -> StoredPack {
        StoredPack {
            name: Some(name.to_owned()),
            total_micro: Some(1_000_000_000),
            remaining_micro: Some(left),
            effective_at_ms: Some(0),
            invalid_at_ms: Some(NOW_MS + ends_in_days * 86_400_000),
            ..StoredPack::default()
        }
    }

    #[test]
    fn what_is_left_is_in_one_sentence() {
        let (first, second) = (pack("Video, 1000", 812_500_000, 20), pack("More", 1_000_000, 3));
        let over = pack("Old", 5_000_000, -1);
        assert_eq!(summary(&[], NOW_MS), None);
        for (packs, text) in [
            (vec![over.clone()], "no units left: 1 resource pack, none in effect"),
            (
                vec![over.clone(), first.clone()],
                "812.5 of 1000 units left in Video, 1000; ends 2026-03-21 12:00:07 UTC",
            ),
            (
                vec![first, over, second],
                "813.5 units left in 2 resource packs; the first ends 2026-03-04 12:00:07 UTC",
            ),
            (
                vec![StoredPack { remaining_micro: Some(1), ..StoredPack::default() }],
                "0.000001 units left in the resource pack",
            ),
        ] {
            assert_eq!(summary(&packs, NOW_MS).as_deref(), Some(text));
        }
    }
    #[test]
    fn a_queue_that_needs_more_is_named() {
        let packs = [pack("a", 2_000_000, 1), pack("b", 1_000_000, 1), pack("over", 9_000_000, -1)];
        let said = |needed| shortage(&packs, needed, NOW_MS);
        assert_eq!(said((3_000_000, true)), None);
        let more = "the queue needs 3.5 units, more than that";
        assert_eq!(said((3_500_000, false)).as_deref(), Some(more));
        let more = "the queue needs at least 3.5 units, more than that";
        assert_eq!(said((3_500_000, true)).as_deref(), Some(more));
        assert_eq!(shortage(&[], (1, false), NOW_MS), None, "the account pays from a balance");
        let monthly = StoredPack { kind: Some("constant_period".to_owned()), ..pack("m", 1, 1) };
        assert_eq!(shortage(&[monthly], (9, false), NOW_MS), None, "it is filled again");
    }
}
