//! Why the daemon cannot start, or cannot continue.

use std::{io, path::PathBuf};

use crate::{
    kling::BuildError,
    metrics::ListenError,
    store::{LockError, StoreError},
    upload::UploadError,
    video_server::ServeError,
    web::WebError,
};

/// Why the daemon cannot start, or cannot continue.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names and messages describe the variants")]
pub enum DaemonError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Client(#[from] BuildError),
    #[error(transparent)]
    Bucket(#[from] UploadError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Metrics(#[from] ListenError),
    #[error(transparent)]
    Web(#[from] WebError),
    #[error("{what} {}: {source}", path.display())]
    Folder { what: &'static str, path: PathBuf, source: io::Error },
}
