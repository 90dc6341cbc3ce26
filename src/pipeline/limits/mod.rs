//! What limits the account: calls per second, tasks at once, the day's budget, pauses, and an API that does not answer.
//!
//! Nothing here knows the scheduler, and nothing here writes to the database.

pub(crate) mod budget;
pub(crate) mod monitored_api;
pub(crate) mod pause_gate;
pub(crate) mod poll_interval;
pub(crate) mod rate;
pub(crate) mod slots;
