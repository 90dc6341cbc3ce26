//! Separates files that are still being written from settled files.
//!
//! A file is settled after it was seen unchanged for long enough by this daemon's own clock. Times of files come from
//! other clocks, and from programs that set them. Only the first scan after a start trusts them, so that a start does
//! not wait for files that were there long before.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    time::Duration,
};

use tokio::time::Instant;

/// A file whose last write is longer ago than this was there before the start. Longer than clocks of servers differ.
const LONG_AGO_MS: i64 = 10 * 60_000;

const NS_PER_MS: i128 = 1_000_000;

#[derive(Debug)]
pub(super) struct Settling<K, P> {
    settle: Duration,
    trusts_times: bool,
    /// When the current pass began.
    pass_at: Instant,
    seen: HashMap<K, Sighting<P>>,
}

/// What a pass sees of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<P> {
    pub(super) stamp: P,
    /// When the file was last written, by its own time (Unix ns).
    pub(super) modified_ns: i64,
    /// When it was seen.
    pub(super) at: Instant,
}

#[derive(Debug)]
struct Sighting<P> {
    stamp: P,
    /// None: the file was there long before the start.
    since: Option<Instant>,
    /// Whether the file was seen since the last [`Settling::forget_unseen`].
    fresh: bool,
}

impl<K: Eq + Hash, P: PartialEq> Settling<K, P> {
    /// `settle`: how long a file must stay unchanged.
    pub(super) fn new(settle: Duration) -> Self {
        let pass_at = Instant::now();
        Self { settle, trusts_times: false, pass_at, seen: HashMap::new() }
    }

    /// Begins a pass. A file is settled or not for all of the pass, so that all jobs that use it find the same.
    pub(super) fn begin_pass(&mut self, at: Instant) {
        self.pass_at = at;
    }

    /// Sets whether old times of files are trusted, which only the first scan after a start may do.
    pub(super) fn trust_times(&mut self, trusts_times: bool) {
        self.trusts_times = trusts_times;
    }

    /// Returns none if the file `key` is settled, else how long it must still stay unchanged. `now_ms` is the wall time
    /// (Unix ms).
    pub(super) fn wait(&mut self, key: K, seen: Seen<P>, now_ms: i64) -> Option<Duration> {
        let since = (!self.is_old(seen.modified_ns, now_ms)).then_some(seen.at);
        let new = Sighting { stamp: seen.stamp, since, fresh: true };
        let since = match self.seen.entry(key) {
            Entry::Occupied(mut known) if known.get().stamp == new.stamp => {
                known.get_mut().fresh = true;
                known.get().since
            }
            entry => entry.insert_entry(new).get().since,
        };
        let left = self.settle.saturating_sub(self.pass_at.saturating_duration_since(since?));
        (!left.is_zero()).then_some(left)
    }

    /// Whether a file last written at `modified_ns` (Unix ns) was there long before the start, if times are trusted.
    pub(super) fn is_old(&self, modified_ns: i64, now_ms: i64) -> bool {
        self.trusts_times && is_long_ago(modified_ns, now_ms)
    }

    pub(super) fn forget_unseen(&mut self) {
        self.seen.retain(|_, sighting| std::mem::take(&mut sighting.fresh));
        // The first scan may see a hundred thousand.
        self.seen.shrink_to_fit();
    }
}

/// A time in the future comes from another clock: such a file must be observed.
fn is_long_ago(modified_ns: i64, now_ms: i64) -> bool {
    let long_ago_ms = i128::from(now_ms) - i128::from(LONG_AGO_MS);
    i128::from(modified_ns) < long_ago_ms * NS_PER_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;
    const NOW_NS: i64 = NOW_MS * 1_000_000;

    struct Watched(Settling<&'static str, i32>);

    impl Watched {
        fn new() -> Self {
            Self(Settling::new(Duration::from_secs(1)))
        }

        /// A pass that sees this file.
        fn wait(&mut self, key: &'static str, stamp: i32, times: (i64, i64)) -> Option<Duration> {
            let (modified_ns, now_ms) = times;
            self.0.begin_pass(Instant::now());
            self.0.wait(key, Seen { stamp, modified_ns, at: Instant::now() }, now_ms)
        }
    }

    const SECOND: Option<Duration> = Some(Duration::from_secs(1));

    #[tokio::test(start_paused = true)]
    async fn a_file_is_settled_once_it_has_not_changed_for_the_settle_time() {
        let mut settling = Watched::new();
        let mut wait = |stamp| settling.wait("a", stamp, (NOW_NS, NOW_MS));
        assert_eq!(wait(10), SECOND);
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(wait(20), SECOND);
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(wait(20), Some(Duration::from_millis(400)));
        tokio::time::advance(Duration::from_millis(400)).await;
        assert_eq!(wait(20), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_does_not_settle_in_the_middle_of_a_pass() {
        let mut settling = Watched::new();
        assert_eq!(settling.wait("a", 10, (NOW_NS, NOW_MS)), SECOND);
        tokio::time::advance(Duration::from_secs(5)).await;
        let seen = Seen { stamp: 10, modified_ns: NOW_NS, at: Instant::now() };
        assert_eq!(settling.0.wait("a", seen, NOW_MS), SECOND);
        // Seen late in a long pass.
        assert_eq!(settling.0.wait("b", seen, NOW_MS), SECOND);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(settling.wait("a", 10, (NOW_NS, NOW_MS)), None);
        assert_eq!(settling.wait("b", 10, (NOW_NS, NOW_MS)), Some(Duration::from_millis(900)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_no_longer_seen_is_forgotten() {
        let mut settling = Watched::new();
        settling.wait("a", 10, (NOW_NS, NOW_MS));
        settling.0.forget_unseen();
        settling.0.forget_unseen();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(settling.wait("a", 10, (NOW_NS, NOW_MS)), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn times_of_files_count_in_the_first_scan_only() {
        let mut settling = Watched::new();
        let later_ms = NOW_MS + LONG_AGO_MS;
        settling.0.trust_times(true);
        assert_eq!(settling.wait("recent", 10, (NOW_NS, later_ms)), SECOND);
        assert_eq!(settling.wait("old", 10, (NOW_NS, later_ms + 1)), None);
        assert_eq!(settling.wait("a", 10, (NOW_NS, i64::MIN)), SECOND);
        assert_eq!(settling.wait("b", 10, (i64::MIN, NOW_MS)), None);
        assert_eq!(settling.wait("future", 10, (NOW_NS + 1, NOW_MS)), SECOND);
        settling.0.trust_times(false);
        assert_eq!(settling.wait("new", 10, (0, later_ms)), SECOND);
        // What the first scan trusted stays settled until it changes.
        assert_eq!(settling.wait("old", 10, (NOW_NS, later_ms)), None);
        assert_eq!(settling.wait("old", 20, (0, later_ms)), SECOND);
    }
}
