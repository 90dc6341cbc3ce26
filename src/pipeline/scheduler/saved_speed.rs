//! What is saved and logged of the limits of the queue.

use tokio::time::Instant;

use crate::store::SpeedLimits;

#[derive(Debug, Default)]
pub(super) struct SavedSpeed {
    /// What the database has; none: unknown.
    pub(super) limits: Option<SpeedLimits>,
    /// They are not compared before; none: the next turn compares them.
    pub(super) next_at: Option<Instant>,
    /// The log has that the API limits the rate of calls.
    pub(super) is_throttling_logged: bool,
}
