//! What the daemon reports to Prometheus: counters in memory, values from the database, and the small server for
//! both.
//!
//! Owns the names of the metrics and the address at which they are served. It counts and decides nothing; the daemon
//! works the same when nobody reads the metrics. Labels have small fixed sets of values: no text of a manifest or of
//! the API becomes one.

mod calls;
mod downloads;
mod inbox;
mod page;
mod recorder;
mod server;
mod snapshot;
mod store_slot;

pub use calls::{ApiCall, CallResult};
pub use downloads::DownloadTimer;
pub use inbox::PendingManifests;
pub use recorder::Metrics;
pub use server::{ListenError, Server};
pub use store_slot::AttachedStore;
