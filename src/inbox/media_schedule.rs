//! When the media of all jobs are looked at.

use std::time::Duration;

use tokio::time::Instant;

/// All local media are looked at so often without a hint.
const ALL_EVERY: Duration = Duration::from_secs(3_600);
/// Looking at all of them takes at most this share of the time, however often files change.
const ALL_SHARE: u32 = 20;

/// When all local media are looked at next.
#[derive(Debug)]
pub(super) struct MediaSchedule {
    at: Instant,
    /// Not before, however often files change.
    earliest: Instant,
    /// A file that may matter is still being written.
    is_awaited: bool,
}

impl MediaSchedule {
    pub(super) fn at_once() -> Self {
        Self { at: Instant::now(), earliest: Instant::now(), is_awaited: false }
    }

    /// A file changed somewhere.
    pub(super) fn hurry(&mut self) {
        self.at = self.at.min(self.earliest.max(Instant::now()));
    }

    /// A file is still being written; it is settled in `wait` at the earliest.
    pub(super) fn await_settled(&mut self, wait: Duration) {
        self.at = self.at.min(self.earliest.max(Instant::now() + wait));
        self.is_awaited = true;
    }

    /// When the next look is due.
    pub(super) fn due_at(&self) -> Instant {
        self.at
    }

    /// When the look is due that is to see a file which was still being written.
    pub(super) fn awaited_at(&self) -> Option<Instant> {
        self.is_awaited.then_some(self.at)
    }

    /// They were looked at. `again`: a file was still being written, and is settled in this time.
    pub(super) fn done(&mut self, began: Instant, again: Option<Duration>) {
        let now = Instant::now();
        self.earliest = now + (now - began) * ALL_SHARE;
        let again_at = again.map(|again| self.earliest.max(now + again));
        self.at = again_at.unwrap_or(now + ALL_EVERY);
        self.is_awaited = again.is_some();
    }
}
