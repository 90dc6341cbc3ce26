//! When the media of many jobs are checked.

use std::time::Duration;

use tokio::time::Instant;

/// After a check, the next one waits this many times as long as the check took.
const REST_FACTOR: u32 = 20;

#[derive(Debug)]
pub(super) struct MediaSchedule {
    every: Duration,
    due_at: Instant,
    /// Not before, however often files change.
    earliest: Instant,
    /// Whether a file that may matter is still being written.
    is_settling: bool,
}

impl MediaSchedule {
    /// The first check is due now.
    pub(super) fn new(every: Duration) -> Self {
        Self { every, due_at: Instant::now(), earliest: Instant::now(), is_settling: false }
    }

    pub(super) fn file_changed(&mut self) {
        self.due_at = self.due_at.min(self.earliest.max(Instant::now()));
    }

    /// A file is still being written. It settles in `wait` at the earliest.
    pub(super) fn file_settles_in(&mut self, wait: Duration) {
        self.due_at = self.due_at.min(self.earliest.max(Instant::now() + wait));
        self.is_settling = true;
    }

    pub(super) fn due_at(&self) -> Instant {
        self.due_at
    }

    /// Returns when a file that is still being written is checked again.
    pub(super) fn settles_at(&self) -> Option<Instant> {
        self.is_settling.then_some(self.due_at)
    }

    /// All were checked. `again_in`: a file is still being written, and settles in this time.
    pub(super) fn done(&mut self, began: Instant, again_in: Option<Duration>) {
        let now = Instant::now();
        self.earliest = now + (now - began) * REST_FACTOR;
        let again_at = again_in.map(|again_in| self.earliest.max(now + again_in));
        self.due_at = again_at.unwrap_or(now + self.every);
        self.is_settling = again_in.is_some();
    }
}
