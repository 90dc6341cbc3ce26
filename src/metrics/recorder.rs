//! Everything that is counted in this process.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};

use super::{
    calls::{CallResult, Calls, MeteredCall},
    downloads::{DownloadTimer, Downloads},
    inbox::{InboxMetrics, PendingManifests},
    page::ScrapePage,
    snapshot,
    store_slot::{AttachedStore, StoreSlot},
    uploads::{UploadCounters, UploadResult},
};
use crate::{job::State, store::Store};

/// The counters of this process. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Counters>);

struct Counters {
    /// Has all counters; values of the moment are added to a page of their own.
    registry: Registry,
    calls: Calls,
    downloads: Downloads,
    uploads: UploadCounters,
    finished: Family<[(&'static str, &'static str); 1], Counter>,
    turns: Counter,
    inbox: InboxMetrics,
    store: Arc<StoreSlot>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Creates counters at zero, once per process.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        register_process(&mut registry);
        let finished = Family::default();
        let help = "Jobs that lipsyncd brought to a final state";
        registry.register("lipsyncd_jobs_finished", help, finished.clone());
        for state in [State::Succeeded, State::Failed, State::Cancelled] {
            drop(finished.get_or_create(&[("state", state.name())]));
        }
        let turns = Counter::default();
        registry.register("lipsyncd_scheduler_turns", "Turns of the scheduler", turns.clone());
        Self(Arc::new(Counters {
            calls: Calls::register(&mut registry),
            downloads: Downloads::register(&mut registry),
            uploads: UploadCounters::register(&mut registry),
            inbox: InboxMetrics::new(),
            store: Arc::default(),
            finished,
            turns,
            registry,
        }))
    }

    /// Counts a call of the API, or a download request, that was answered or failed.
    pub fn record_call(&self, call: MeteredCall, result: CallResult, took: Duration) {
        self.0.calls.count(call, result, took);
    }

    /// Counts a job that reached a final state.
    pub fn record_finished_job(&self, state: State) {
        self.0.finished.get_or_create(&[("state", state.name())]).inc();
    }

    /// Counts a turn of the scheduler.
    pub fn record_scheduler_turn(&self) {
        self.0.turns.inc();
    }

    /// Counts a download that begins; the returned timer counts its end.
    #[must_use]
    pub fn start_download(&self) -> DownloadTimer {
        self.0.downloads.start()
    }

    /// Counts received bytes of results.
    pub fn record_received_bytes(&self, bytes: usize) {
        self.0.downloads.bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts an upload of a local video, of which so many bytes were sent.
    pub fn record_upload(&self, result: UploadResult, bytes: u64) {
        self.0.uploads.count(result, bytes);
    }

    /// Sets what a scan of the folder found to be read.
    pub fn record_scan(&self, pending: PendingManifests) {
        self.0.inbox.progress().pending = pending;
    }

    /// Counts a scan whose manifests are all stored, except `pending`.
    pub fn record_inbox_update(&self, pending: PendingManifests) {
        let mut progress = self.0.inbox.progress();
        progress.scans += 1;
        progress.last_scan = Instant::now();
        progress.pending = pending;
    }

    /// Sets how many folders of manifests could not be read.
    pub fn record_unreadable_folders(&self, folders: usize) {
        self.0.inbox.progress().unreadable = folders;
    }

    /// Reads values from `store` for each scrape, until the returned guard is dropped.
    #[must_use]
    pub fn attach(&self, store: &Store) -> AttachedStore {
        AttachedStore::new(&self.0.store, store)
    }

    /// Renders all metrics as they are at `now_ms` (Unix time).
    pub(super) async fn render(&self, now_ms: i64) -> Result<String, fmt::Error> {
        let (measured, has_problem) = self.0.store.measure(now_ms).await;
        let mut page = ScrapePage::default();
        snapshot::add_problem(&mut page, has_problem);
        if let Some(measured) = measured {
            snapshot::add(&mut page, &measured, now_ms);
        }
        self.0.inbox.add(&mut page, now_ms);
        page.render(&self.0.registry)
    }
}

fn register_process(registry: &mut Registry) {
    let build = Family::<[(&str, &str); 1], Gauge>::default();
    build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.register("lipsyncd_build_info", "The running version; always 1", build);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    registry.register(
        "process_start_time_seconds",
        "Start of the process, in seconds since 1970",
        ConstGauge::new(now.as_secs_f64()),
    );
}
