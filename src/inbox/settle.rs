//! Separates files that are still being written from settled files.

use std::{collections::HashMap, hash::Hash, time::Duration};

use tokio::time::Instant;

/// A file whose last write is longer ago than this has settled.
const LONG_AGO_MS: i64 = 60_000;

const NS_PER_MS: i128 = 1_000_000;

#[derive(Debug)]
pub(super) struct Settling<K, P> {
    settle: Duration,
    seen: HashMap<K, Sighting<P>>,
}

#[derive(Debug)]
struct Sighting<P> {
    stamp: P,
    since: Instant,
    /// Whether the file was seen since the last [`Settling::forget_unseen`].
    fresh: bool,
}

impl<K: Eq + Hash, P: Clone + PartialEq> Settling<K, P> {
    /// `settle`: how long a file must stay unchanged.
    pub(super) fn new(settle: Duration) -> Self {
        Self { settle, seen: HashMap::new() }
    }

    /// Returns none if the file `key`, with this stamp and last written at `modified_ns`, is settled;
    /// else how long it must still stay unchanged. `now_ms` is the wall time (Unix ms).
    pub(super) fn wait(
        &mut self,
        key: K,
        stamp: &P,
        modified_ns: i128,
        now_ms: i64,
    ) -> Option<Duration> {
        if is_long_ago(modified_ns, now_ms) {
            return None;
        }
        let now = Instant::now();
        let begin = || Sighting { stamp: stamp.clone(), since: now, fresh: true };
        let sighting = self.seen.entry(key).or_insert_with(begin);
        sighting.fresh = true;
        if sighting.stamp != *stamp {
            *sighting = begin();
        }
        let left = self.settle.saturating_sub(now - sighting.since);
        (!left.is_zero()).then_some(left)
    }

    pub(super) fn forget_unseen(&mut self) {
        self.seen.retain(|_, sighting| std::mem::take(&mut sighting.fresh));
    }
}

/// A time in the future comes from another clock: such a file must be observed.
fn is_long_ago(modified_ns: i128, now_ms: i64) -> bool {
    let long_ago_ms = i128::from(now_ms) - i128::from(LONG_AGO_MS);
    modified_ns < long_ago_ms * NS_PER_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;
    const NOW_NS: i128 = NOW_MS as i128 * NS_PER_MS;

    fn settling() -> Settling<&'static str, i32> {
        Settling::new(Duration::from_secs(1))
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_settled_once_it_has_not_changed_for_the_settle_time() {
        let mut settling = settling();
        let mut wait = |stamp| settling.wait("a", &stamp, NOW_NS, NOW_MS);
        assert_eq!(wait(10), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(wait(20), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(wait(20), Some(Duration::from_millis(400)));
        tokio::time::advance(Duration::from_millis(400)).await;
        assert_eq!(wait(20), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_no_longer_seen_is_forgotten() {
        let mut settling = settling();
        settling.wait("a", &10, NOW_NS, NOW_MS);
        settling.forget_unseen();
        settling.forget_unseen();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(settling.wait("a", &10, NOW_NS, NOW_MS), Some(Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn wall_time_of_the_caller_decides_what_was_written_long_ago() {
        let mut settling = settling();
        let second = Some(Duration::from_secs(1));
        assert_eq!(settling.wait("a", &10, NOW_NS, NOW_MS + LONG_AGO_MS), second);
        assert_eq!(settling.wait("a", &10, NOW_NS, NOW_MS + LONG_AGO_MS + 1), None);
        assert_eq!(settling.wait("b", &10, NOW_NS, i64::MIN), second);
        assert_eq!(settling.wait("b", &10, i128::MIN, i64::MIN), None);
        assert_eq!(settling.wait("future", &10, NOW_NS + 1, NOW_MS), second);
    }
}
