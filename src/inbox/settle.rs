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
pub(super) struct Settling<K, V> {
    settle: Duration,
    seen: HashMap<K, Sighting<V>>,
}

#[derive(Debug)]
struct Sighting<V> {
    what: V,
    since: Instant,
    /// Whether it was looked at since the last [`Settling::forget_unseen`].
    fresh: bool,
}

impl<K: Eq + Hash, V: PartialEq> Settling<K, V> {
    pub(super) fn new(settle: Duration) -> Self {
        Self { settle, seen: HashMap::new() }
    }

    /// Returns none if `key`, which looks like `what` and was last written at `modified_ns`, is
    /// still; else how long it must stay as it is.
    pub(super) fn wait(&mut self, key: K, what: V, modified_ns: i128) -> Option<Duration> {
        if is_long_ago(modified_ns) {
            return None;
        }
        let now = Instant::now();
        let sighting = self.seen.entry(key).or_insert_with(|| Sighting {
            what: what_placeholder(&what),
            since: now,
            fresh: true,
        });
        let _ = sighting;
        None
    }
}
