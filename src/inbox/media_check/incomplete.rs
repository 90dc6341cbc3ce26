//! What is said of a file that is not complete, and for how long a file whose completeness is uncertain is waited for.

use std::time::Duration;

use jiff::Timestamp;

use super::measure::{MediaFacts, MediaKind};
use crate::media::{FileStamp, Incomplete};

/// A file that has not changed for this long is no longer being written.
const GIVEN_UP_MS: i64 = 10 * 60_000;

/// Audio that ends within a frame is complete if it did not change for this long: recordings of streams end so, too.
const RECORDED_MS: i64 = 2 * 60_000;

const NS_PER_MS: i64 = 1_000_000;

/// Describes a file that is not complete. The text changes only when the file does, and once after a time.
pub(super) fn describe(
    kind: MediaKind,
    name: &str,
    what: Incomplete,
    stamp: FileStamp,
    now_ms: i64,
) -> String {
    let kind = kind.name();
    if unchanged_ms(stamp, now_ms) < GIVEN_UP_MS {
        return format!("{kind} {name} is still being written ({what})");
    }
    let since = Timestamp::from_millisecond(stamp.changed_ns() / NS_PER_MS)
        .map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default();
    format!(
        "{kind} {name} is incomplete ({what}) and unchanged since {since}: it was probably cut short; copy it again"
    )
}

/// Returns how long to wait until a file whose last frame is cut off counts as complete.
pub(super) fn wait_for_end(facts: &MediaFacts, stamp: FileStamp, now_ms: i64) -> Option<Duration> {
    let left_ms = RECORDED_MS.saturating_sub(unchanged_ms(stamp, now_ms)).min(RECORDED_MS);
    let left = Duration::from_millis(u64::try_from(left_ms).ok()?);
    (facts.ends_in_frame && !left.is_zero()).then_some(left)
}

/// Negative if the clock of the file system is ahead.
fn unchanged_ms(stamp: FileStamp, now_ms: i64) -> i64 {
    now_ms.saturating_sub(stamp.changed_ns() / NS_PER_MS)
}
