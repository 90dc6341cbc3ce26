//! Whether uploads may start: a bucket that refuses all videos is tried again from time to time.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct UploadGate {
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    since: Instant,
    next_at: Instant,
}

impl UploadGate {
    /// Whether another upload may start while `running` are in progress. While uploads are held, one tries the bucket.
    pub(crate) fn may_start(&self, now: Instant, running: usize, at_once: usize) -> bool {
        match &self.held {
            Some(held) => running == 0 && held.next_at <= now,
            None => running < at_once,
        }
    }

    /// Holds uploads until the next try.
    pub(crate) fn hold(&mut self, now: Instant, probe_interval: Duration) {
        let since = self.held.as_ref().map_or(now, |held| held.since);
        self.held = Some(Held { since, next_at: now + probe_interval });
    }

    /// Ends the hold. Returns whether uploads were held.
    pub(crate) fn open(&mut self) -> bool {
        self.held.take().is_some()
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.next_at)
    }

    /// Whether uploads have been held for so long.
    pub(crate) fn is_held_for(&self, length: Duration) -> bool {
        self.held.as_ref().is_some_and(|held| held.since.elapsed() >= length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_lets_one_upload_try_at_a_time() {
        let (now, minute) = (Instant::now(), Duration::from_mins(1));
        let mut gate = UploadGate::default();
        assert!(gate.may_start(now, 1, 2) && !gate.may_start(now, 2, 2));
        gate.hold(now, minute);
        assert!(!gate.may_start(now, 0, 2));
        assert!(gate.may_start(now + minute, 0, 2) && !gate.may_start(now + minute, 1, 2));
        assert!(gate.open() && !gate.open() && gate.may_start(now, 1, 2));
    }
}
