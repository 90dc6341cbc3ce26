//! How long one try may take.

use std::time::Duration;

/// How long one try may take.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// From the connection to the end of the answer.
    pub webhook: Duration,
    /// How long a program may run.
    pub command: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self { webhook: Duration::from_secs(15), command: Duration::from_secs(30) }
    }
}
