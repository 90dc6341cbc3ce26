//! What holds the queue although it is not paused.

use crate::job::names;

/// Why no new task is started although the queue is not paused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Hold {
    pub kind: HoldKind,
    pub reason: String,
    /// When (Unix ms) it ends at the latest.
    pub until_ms: i64,
}

/// What holds the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldKind {
    /// A cap of the day.
    Budget,
    /// Prices are unknown, or depend on a length that is, and another such task is in progress.
    Price,
}

names!(HoldKind { Budget: "budget", Price: "price" });
