//! What limits the account: calls per second, tasks at once, the daily budget, pauses, and API outages.
//!
//! Nothing here knows the scheduler or writes to the database.

pub(crate) mod budget;
mod budget_reason;
pub(crate) mod monitored_api;
pub(crate) mod pause_gate;
pub(crate) mod poll_interval;
pub(crate) mod rate;
pub(crate) mod slots;
pub(crate) mod upload_gate;
