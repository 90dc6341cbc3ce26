//! The pipeline's settings, in the units in which it works.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use crate::{
    job::{Account, AssumedPrices, Caps, Policy},
    media::Locator,
    metrics::Metrics,
    offload::Offload,
    upload::Uploads,
    video_server::VideoLinks,
};

/// The pipeline's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The host of the API and the key.
    pub account: Account,
    /// How outcomes are judged.
    pub policy: Policy,
    /// How long an Identify Face answer is used.
    pub session_ttl_ms: i64,
    /// Tasks at once, as configured; at least 1.
    pub slots: usize,
    /// The account's rate limits.
    pub rate: RateSettings,
    /// What may be spent in a UTC day.
    pub caps: Caps,
    /// Prices that count until they are learned.
    pub assumed_prices: AssumedPrices,
    /// The shortest time between two polls of the tasks.
    pub poll_min_ms: i64,
    /// The longest time between two polls of the tasks.
    pub poll_max_ms: i64,
    /// How often a queue that the API paused probes whether it can resume.
    pub probe_interval_ms: i64,
    /// Downloads at once; at least 1.
    pub downloads: usize,
    /// No result is larger than this.
    pub download_bytes_max: u64,
    /// Where results go.
    pub output_dir: PathBuf,
    /// Where local media are.
    pub locator: Locator,
    /// Where local videos are uploaded; none: a web server of the user serves them.
    pub uploads: Option<Arc<Uploads>>,
    /// How links to local videos are signed that lipsyncd itself serves; none: it serves none, or there is a bucket.
    pub video_links: Option<VideoLinks>,
    /// Uploads at once; at least 1.
    pub uploads_at_once: usize,
    /// Where work that blocks is done.
    pub offload: Offload,
    /// Set once the folder was scanned completely. No paid call is made before.
    pub is_scanned: Arc<AtomicBool>,
    /// The counters that the pipeline updates.
    pub metrics: Metrics,
}

/// Calls per second for the account; above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateSettings {
    /// Identify Face.
    pub identify_per_second: f64,
    /// Create Task.
    pub create_per_second: f64,
    /// Query Task, single and list.
    pub query_per_second: f64,
}
