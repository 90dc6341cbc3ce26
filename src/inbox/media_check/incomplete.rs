//! What is said of a file that is not complete, and for how long a file whose completeness is uncertain is waited for.

use std::time::Duration;

use jiff::Timestamp;

use super::measure::MediaKind;
use crate::{
    inbox::settle::Unchanged,
    media::{FileStamp, Incomplete},
};

/// A file that has not changed for this long is no longer being written.
const GIVEN_UP: Duration = Duration::from_mins(10);

/// Audio that ends within a frame is complete if it did not change for this long: recordings of streams end so, too.
const RECORDED: Duration = Duration::from_mins(2);

const NS_PER_MS: i64 = 1_000_000;

/// Describes a file that is not complete. The text changes only when the file does, and once after a time.
pub(super) fn describe(
    (kind, name, stamp): (MediaKind, &str, FileStamp),
    what: Incomplete,
    unchanged: Unchanged,
    now_ms: i64,
) -> String {
    let kind = kind.name();
    if matches!(unchanged, Unchanged::For(time) if time < GIVEN_UP) {
        return format!("{kind} {name} is still being written ({what})");
    }
    // The clock of the file system may be ahead. Without the time, the text would change with each check.
    let changed_ms = stamp.changed_ns() / NS_PER_MS;
    let since = Timestamp::from_millisecond(changed_ms)
        .ok()
        .filter(|_| changed_ms <= now_ms)
        .map(|at| at.strftime(" since %Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default();
    format!(
        "{kind} {name} is incomplete ({what}) and unchanged{since}: it was probably cut short; copy it again"
    )
}

/// Returns how long to wait until a file whose last frame is cut off counts as complete.
pub(super) fn wait_for_end(unchanged: Unchanged) -> Option<Duration> {
    let Unchanged::For(time) = unchanged else { return None };
    let left = RECORDED.saturating_sub(time);
    (!left.is_zero()).then_some(left)
}
