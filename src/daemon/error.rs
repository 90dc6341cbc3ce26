//! Why the daemon cannot run.

use std::{io, path::PathBuf};

use crate::{
    kling::BuildError,
    metrics::ListenError,
    store::{LockError, StoreError},
};

/// Why the daemon cannot start, or cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another daemon uses the database.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database cannot be opened, or failed for good.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client of the API cannot be built.
    #[error(transparent)]
    Client(#[from] BuildError),
    /// The metrics server cannot listen.
    #[error(transparent)]
    Metrics(#[from] ListenError),
    /// A required folder does not exist and cannot be created.
    #[error("{what} {}: {source}", path.display())]
    Folder {
        /// The key of the configuration.
        what: &'static str,
        /// The folder.
        path: PathBuf,
        /// What the system reports.
        source: io::Error,
    },
}
