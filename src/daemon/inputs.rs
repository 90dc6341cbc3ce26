//! What the daemon gets from the process: settings, credentials, and how to reload and stop it.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::config::{BucketKeys, Config, Credentials, NotifySecret, WebPassword};

/// Settings and credentials.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Inputs {
    pub config: Config,
    pub credentials: Credentials,
    /// The keys of the bucket, if the configuration has one.
    pub bucket_keys: Option<BucketKeys>,
    pub notify_secret: Option<NotifySecret>,
    /// The password of the web page, if the configuration names its file.
    pub web_password: Option<WebPassword>,
}

/// Reads settings and credentials again, for a reload. The error is for the log.
pub type ReadInputs = Arc<dyn Fn() -> Result<Inputs, String> + Send + Sync>;

/// Controls a running daemon.
#[derive(Debug, Clone, Default)]
pub struct Controls {
    /// Asks for a reload, and for a scan of the folder.
    pub reload: Arc<Notify>,
    /// Stops the daemon.
    pub stop: CancellationToken,
}
