//! Separates files that are still being written from settled files.
//!
//! A file is settled after it was seen unchanged for long enough by this daemon's own clock. Times of files come from
//! other clocks, and from programs that set them. Only the first scan after a start trusts them, so that a start does
//! not wait for files that were there long before.

use std::{
    borrow::Borrow,
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    time::Duration,
};

use tokio::time::Instant;

/// A file whose last write is longer ago than this was there before the start. Longer than clocks of servers differ.
const LONG_AGO_MS: i64 = 10 * 60_000;

/// How long a file has not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unchanged {
    /// Since it was seen first, by this daemon's clock.
    For(Duration),
    /// It was there long before the start.
    LongAgo,
}

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
    /// When the file was last written, by its own time (Unix ns), which programs set.
    pub(super) modified_ns: i64,
    /// When the file last changed in any way (Unix ns), by the clock of the file system.
    pub(super) changed_ns: i64,
    /// When it was seen.
    pub(super) at: Instant,
}

#[derive(Debug)]
struct Sighting<P> {
    stamp: P,
    since: Instant,
    /// Whether the file was written long before the start, by its own time.
    is_old: bool,
    /// Whether it has also not changed in any other way since then.
    is_untouched: bool,
    /// Whether the file was seen since the last [`Settling::forget_unseen`].
    fresh: bool,
    seen_at: Instant,
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
        let pass_at = self.pass_at;
        let sighting = self.sighting(key, seen, now_ms);
        if sighting.is_old {
            return None;
        }
        let time = pass_at.saturating_duration_since(sighting.since);
        let left = self.settle.saturating_sub(time);
        (!left.is_zero()).then_some(left)
    }

    /// Returns how long the file `key` was unchanged when the pass began. `now_ms` is the wall time (Unix ms).
    ///
    /// Stricter than [`wait`](Self::wait): some programs set the time of a file before they write all of it.
    pub(super) fn unchanged(&mut self, key: K, seen: Seen<P>, now_ms: i64) -> Unchanged {
        let pass_at = self.pass_at;
        match self.sighting(key, seen, now_ms) {
            Sighting { is_untouched: true, .. } => Unchanged::LongAgo,
            Sighting { since, .. } => Unchanged::For(pass_at.saturating_duration_since(*since)),
        }
    }

    fn sighting(&mut self, key: K, seen: Seen<P>, now_ms: i64) -> &Sighting<P> {
        let Seen { stamp, modified_ns, changed_ns, at } = seen;
        let is_old = self.trusts_times && is_long_ago(modified_ns, now_ms);
        let is_untouched = is_old && is_long_ago(changed_ns, now_ms);
        let new = Sighting { stamp, since: at, is_old, is_untouched, fresh: true, seen_at: at };
        match self.seen.entry(key) {
            Entry::Occupied(known) if known.get().stamp == new.stamp => {
                let known = known.into_mut();
                (known.fresh, known.seen_at) = (true, at);
                known
            }
            entry => entry.insert_entry(new).into_mut(),
        }
    }

    /// Forgets the file `key`. If it is seen again, it must settle again.
    pub(super) fn forget<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.seen.remove(key);
    }

    /// Releases the memory of forgotten files: the first scan may see a hundred thousand.
    pub(super) fn shrink(&mut self) {
        self.seen.shrink_to_fit();
    }

    /// Forgets files that were not seen since the last call, and not for `kept`: not every pass looks at all files.
    pub(super) fn forget_unseen(&mut self, kept: Duration) {
        let now = Instant::now();
        self.seen.retain(|_, sighting| {
            let is_fresh = std::mem::take(&mut sighting.fresh);
            let is_recent = now.saturating_duration_since(sighting.seen_at) < kept;
            is_fresh || !sighting.is_old && is_recent
        });
        self.shrink();
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
            self.0.wait(
                key,
                Seen { stamp, modified_ns, changed_ns: modified_ns, at: Instant::now() },
                now_ms,
            )
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
        let seen = Seen { stamp: 10, modified_ns: NOW_NS, changed_ns: NOW_NS, at: Instant::now() };
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
        settling.0.forget_unseen(Duration::ZERO);
        settling.0.forget_unseen(Duration::ZERO);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(settling.wait("a", 10, (NOW_NS, NOW_MS)), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_some_passes_do_not_look_at_settles() {
        let mut settling = Watched::new();
        let kept = Duration::from_secs(60);
        assert_eq!(settling.wait("a", 10, (NOW_NS, NOW_MS)), SECOND);
        for _ in 0..3 {
            settling.0.forget_unseen(kept);
            tokio::time::advance(Duration::from_millis(400)).await;
        }
        assert_eq!(settling.wait("a", 10, (NOW_NS, NOW_MS)), None);
        settling.0.forget_unseen(kept);
        tokio::time::advance(kept).await;
        settling.0.forget_unseen(kept);
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

    #[tokio::test(start_paused = true)]
    async fn a_file_that_was_changed_lately_is_not_unchanged_for_long() {
        let later_ms = NOW_MS + LONG_AGO_MS + 1;
        let mut settling = Watched::new();
        settling.0.trust_times(true);
        for (key, changed_ns, unchanged) in [
            ("old", NOW_NS, Unchanged::LongAgo),
            ("copied", NOW_NS + 1_000_000, Unchanged::For(Duration::ZERO)),
        ] {
            let seen = Seen { stamp: 10, modified_ns: NOW_NS, changed_ns, at: Instant::now() };
            settling.0.begin_pass(Instant::now());
            assert_eq!(settling.0.wait(key, seen, later_ms), None);
            assert_eq!(settling.0.unchanged(key, seen, later_ms), unchanged, "{key}");
        }
    }
}
