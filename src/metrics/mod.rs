//! What the daemon reports to Prometheus: counters in memory, values from the database, and the small server for
//! both.
//!
//! Owns the names of the metrics and the address at which they are served. It decides nothing, and labels have small
//! fixed sets of values.

mod calls;
mod downloads;
mod inbox;
mod page;
mod recorder;
mod server;
mod snapshot;
mod store_slot;
mod uploads;

pub use calls::{CallResult, MeteredCall};
pub use downloads::DownloadTimer;
pub use inbox::PendingManifests;
pub use recorder::Metrics;
pub use server::{ListenError, Server};
pub use store_slot::AttachedStore;
pub use uploads::UploadResult;
