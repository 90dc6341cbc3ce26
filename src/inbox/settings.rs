//! What the inbox is started with.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    job::Policy, manifest::IgnorePatterns, metrics::Metrics, offload::Offload, store::OnChange,
};

/// The settings of the inbox.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct InboxSettings {
    pub jobs_dir: PathBuf,
    pub media_dirs: Vec<PathBuf>,
    /// Which names are ignored.
    pub ignore: IgnorePatterns,
    /// How long a manifest must stay unchanged before it is read.
    pub settle: Duration,
    /// Whether the first scan trusts old times of files: true at a start, false after a reload.
    pub trusts_old_times: bool,
    pub rescan_interval: Duration,
    pub policy: Policy,
    pub on_change: OnChange,
    pub offload: Offload,
    /// Whether file events are watched. Without them, only the rescans see changes.
    pub watches: bool,
    /// Set after the first complete scan.
    pub is_scanned: Arc<AtomicBool>,
    pub metrics: Metrics,
}

/// How the inbox and the rest of the daemon signal each other.
#[derive(Debug, Clone)]
pub struct InboxSignals {
    /// Asks the inbox for a scan.
    pub rescan: Arc<Notify>,
    /// The inbox changed the store.
    pub store_changed: Arc<Notify>,
    /// Set by the inbox: false while no file in the folder is still being written.
    pub more_to_come: Arc<AtomicBool>,
    /// Ends the inbox.
    pub stop: CancellationToken,
}
