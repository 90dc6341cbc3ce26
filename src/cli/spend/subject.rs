//! What a report is about.

use std::ops::Range;

use crate::store::SpendBy;

/// What a report is about.
pub(super) struct Subject<'a> {
    pub(super) by: &'a SpendBy,
    /// In Unix ms; the ends of time where no limit was given.
    pub(super) period_ms: Range<i64>,
    /// Whether the account was ever charged money.
    pub(super) has_money: bool,
}

impl Subject<'_> {
    pub(super) fn since_ms(&self) -> Option<i64> {
        Some(self.period_ms.start).filter(|start_ms| *start_ms != START_MS)
    }

    pub(super) fn until_ms(&self) -> Option<i64> {
        Some(self.period_ms.end).filter(|end_ms| *end_ms != END_MS)
    }
}

/// The years 0 and 9999: further than any time of a task, and inside of what SQLite takes as a time.
pub(super) const START_MS: i64 = -62_167_219_200_000;
pub(super) const END_MS: i64 = 253_402_300_800_000;
