//! Time in a simulation: tokio's paused clock, and a wall clock that users set.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::time::Instant;

/// Some day at noon.
const BEGAN_AT_MS: i64 = 1_772_366_400_000;

#[derive(Debug)]
pub struct Time {
    began: Instant,
    ahead_ms: AtomicI64,
}

impl Time {
    pub fn begin() -> Self {
        Self { began: Instant::now(), ahead_ms: AtomicI64::new(0) }
    }

    /// The API's clock.
    pub fn true_ms(&self) -> i64 {
        BEGAN_AT_MS + i64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    /// The daemon's clock.
    pub fn wall_ms(&self) -> i64 {
        self.true_ms() + self.ahead_ms.load(Ordering::Relaxed)
    }

    pub fn set_ahead(&self, ahead_ms: i64) {
        self.ahead_ms.store(ahead_ms, Ordering::Relaxed);
    }
}
