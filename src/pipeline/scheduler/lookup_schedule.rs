//! When unresolved tasks are looked up again, and when the account's lookups by name are tried again.

use std::time::Duration;

use tokio::time::Instant;

use crate::{pipeline::LookupSummary, store::Lookups};

/// The longest wait after lookups failed.
const FAILED_WAIT_MAX: Duration = Duration::from_secs(60);
/// The longest wait after lookups were answered.
const ANSWERED_WAIT_MAX: Duration = Duration::from_secs(3_600);
/// An account that answers no lookups by name is not tried again sooner.
const LEARN_AGAIN: Duration = Duration::from_secs(3_600);

/// The schedule of lookups that belong to no step of a single task.
#[derive(Debug)]
pub(super) struct LookupSchedule {
    /// None while no task is unresolved, or while lookups are in progress.
    pub(super) unresolved_at: Option<Instant>,
    /// How often the same tasks were looked up in a row.
    in_a_row: u32,
    learn_at: Instant,
}

impl LookupSchedule {
    pub(super) fn new(now: Instant) -> Self {
        Self { unresolved_at: Some(now), in_a_row: 0, learn_at: now }
    }

    /// A task became unresolved, or more is known about lookups.
    pub(super) fn look_up_now(&mut self) {
        self.unresolved_at = Some(Instant::now());
        self.in_a_row = 0;
    }

    /// Plans the next lookups: soon at first, because a list or a name can lag behind, and less often the more there were.
    pub(super) fn ended(&mut self, summary: &LookupSummary, retry_initial_ms: i64) {
        if summary.left == 0 {
            return;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        let factor = 1 << self.in_a_row.min(20);
        let grown = Duration::from_millis(retry_initial_ms.unsigned_abs().saturating_mul(factor));
        let longest = if summary.is_failed { FAILED_WAIT_MAX } else { ANSWERED_WAIT_MAX };
        let at = Instant::now() + grown.min(longest);
        // Sooner if more was learned in the meantime.
        self.unresolved_at = Some(self.unresolved_at.map_or(at, |planned| planned.min(at)));
    }

    /// Whether a task that was just accepted is to show if the account answers lookups by name.
    pub(super) fn learns(&mut self, lookups: Lookups) -> bool {
        let now = Instant::now();
        let is_due = match lookups {
            Lookups::Unknown => true,
            Lookups::Unanswered => self.learn_at <= now,
            Lookups::Path | Lookups::Query | Lookups::Flag => false,
        };
        if is_due {
            self.learn_at = now + LEARN_AGAIN;
        }
        is_due
    }
}
