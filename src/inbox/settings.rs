//! What the inbox is started with.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{job::Policy, metrics::Metrics, offload::Offload, store::OnChange};

/// The settings of the inbox.
#[derive(Debug, Clone)]
pub struct InboxSettings {
    /// The folder of manifests.
    pub jobs_dir: PathBuf,
    /// Other folders of media.
    pub media_dirs: Vec<PathBuf>,
    /// How long a file must stay unchanged before it is read.
    pub settle: Duration,
    /// How often the folder is scanned without an event.
    pub rescan_interval: Duration,
    /// How outcomes are judged.
    pub policy: Policy,
    /// What happens to a job whose request changes after its task was created.
    pub on_change: OnChange,
    /// Runs blocking work.
    pub offload: Offload,
    /// Whether file events are watched. Without them, only the rescans see changes.
    pub watches: bool,
    /// Set after the first complete scan.
    pub is_scanned: Arc<AtomicBool>,
    /// Counts scans and waiting manifests.
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
