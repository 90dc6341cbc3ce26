//! Telling files that are still being written from those that are still.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// A file that was last written longer ago than this is still without being watched.
const LONG_AGO: Duration = Duration::from_secs(60);

/// What was seen of each file, and since when it has been so.
#[derive(Debug)]
pub(super) struct Settling<K, P> {
    settle: Duration,
    seen: HashMap<K, Sighting<P>>,
}

#[derive(Debug)]
struct Sighting<P> {
    print: P,
    since: Instant,
    /// Whether it was looked at since the last [`Settling::forget_unseen`].
    fresh: bool,
}

impl<K: Eq + Hash, P: Clone + PartialEq> Settling<K, P> {
    pub(super) fn new(settle: Duration) -> Self {
        Self { settle, seen: HashMap::new() }
    }

    /// Returns none if the file `key`, which looks like `print` and was last written at
    /// `modified_ns`, is still; else how long it must stay as it is.
    pub(super) fn wait(&mut self, key: K, print: &P, modified_ns: i128) -> Option<Duration> {
        if is_long_ago(modified_ns) {
            return None;
        }
        let now = Instant::now();
        let begin = || Sighting { print: print.clone(), since: now, fresh: true };
        let sighting = self.seen.entry(key).or_insert_with(begin);
        sighting.fresh = true;
        if sighting.print != *print {
            *sighting = begin();
        }
        let left = self.settle.saturating_sub(now - sighting.since);
        (!left.is_zero()).then_some(left)
    }

    /// Forgets what was not looked at since the last call.
    pub(super) fn forget_unseen(&mut self) {
        self.seen.retain(|_, sighting| std::mem::take(&mut sighting.fresh));
    }
}

/// A time in the future is a clock that differs: such a file is watched.
fn is_long_ago(modified_ns: i128) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ns = i128::try_from(now.as_nanos()).unwrap_or(i128::MAX);
    let long_ago_ns = i128::try_from(LONG_AGO.as_nanos()).unwrap_or(i128::MAX);
    now_ns - modified_ns > long_ago_ns
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUTURE_NS: i128 = i128::MAX / 4;

    #[tokio::test(start_paused = true)]
    async fn a_file_is_still_once_it_has_not_changed_for_the_settle_time() {
        let mut settling = Settling::new(Duration::from_secs(1));
        assert_eq!(settling.wait("a", &10, FUTURE_NS), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(settling.wait("a", &20, FUTURE_NS), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(settling.wait("a", &20, FUTURE_NS), Some(Duration::from_millis(400)));
        tokio::time::advance(Duration::from_millis(400)).await;
        assert_eq!(settling.wait("a", &20, FUTURE_NS), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_longer_looked_at_is_forgotten() {
        let mut settling = Settling::new(Duration::from_secs(1));
        settling.wait("a", &10, FUTURE_NS);
        settling.forget_unseen();
        settling.forget_unseen();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(settling.wait("a", &10, FUTURE_NS), Some(Duration::from_secs(1)));
    }

    #[tokio::test]
    async fn what_was_written_long_ago_needs_no_watching() {
        let mut settling = Settling::new(Duration::from_secs(1));
        assert_eq!(settling.wait("a", &10, 0), None);
    }
}
