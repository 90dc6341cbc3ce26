//! Accounts and faults of the simulated API.

use lipsyncd::sim::{Fault, SimConfig};
use serde_json::Value;

/// A fast account without rate limits.
pub fn quick() -> SimConfig {
    SimConfig {
        task_ms: (50, 200),
        identify_per_second: None,
        create_per_second: None,
        ..SimConfig::default()
    }
}

/// An account whose tasks run until [`finish_tasks`](super::daemon::TestEnv::finish_tasks).
pub fn slow() -> SimConfig {
    SimConfig { task_ms: (600_000, 600_000), ..quick() }
}

/// A refusal by this code, as the API words it.
pub fn refusal(code: u16) -> Fault {
    Fault::Code { code, status: None, retry_after_s: None, message: None }
}

/// The simulator's own answer with this in it.
pub fn patch(with: Value) -> Fault {
    Fault::Patch { with }
}
