//! What is said of a file that is not complete, and for how long a file whose completeness is uncertain is waited for.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::measure::MediaKind;
use crate::media::{FileStamp, Incomplete};

/// A file that has not changed for this long is no longer being written.
const GIVEN_UP_MS: i64 = 10 * 60_000;

/// Audio that ends within a frame is complete if it was seen unchanged for this long: recordings of streams end so, too.
const RECORDED: Duration = Duration::from_mins(2);

const NS_PER_MS: i64 = 1_000_000;

/// Describes a file that somebody probably still writes.
pub(super) fn still_written(kind: MediaKind, name: &str, what: Incomplete) -> String {
    let kind = kind.name();
    format!("{kind} {name} is still being written ({what})")
}

/// Describes a file that is not complete. The text changes only when the file does, and once after a time.
pub(super) fn describe(
    kind: MediaKind,
    name: &str,
    what: Incomplete,
    stamp: FileStamp,
    now_ms: i64,
) -> String {
    let changed_ms = stamp.changed_ns() / NS_PER_MS;
    if now_ms.saturating_sub(changed_ms) < GIVEN_UP_MS {
        return still_written(kind, name, what);
    }
    let since = Timestamp::from_millisecond(changed_ms)
        .map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default();
    let kind = kind.name();
    format!(
        "{kind} {name} is incomplete ({what}) and unchanged since {since}: it was probably cut short; copy it again"
    )
}

/// Returns how long to wait until a file counts as complete whose last frame is seen cut off since `since`.
pub(super) fn wait_for_end(since: Instant) -> Option<Duration> {
    let left = RECORDED.saturating_sub(since.elapsed());
    (!left.is_zero()).then_some(left)
}
