//! What the daemon tells Prometheus: counters that live in memory, values that stand in the database,
//! and the small server that shows both.
//!
//! Owns the names of the metrics and the address they are served on. It counts what it is told of and
//! decides nothing; the daemon works the same when nobody listens. Labels come from small fixed sets:
//! no text of a manifest or of the API gets here.

mod calls;
mod downloads;
mod folder;
mod server;
mod standing;
mod text;
mod watched;

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

pub use calls::{ApiCall, CallResult};
pub use downloads::DownloadTimer;
pub use folder::PendingManifests;
pub use server::{ListenError, Server};
pub use watched::AttachedStore;

use calls::Calls;
use downloads::Downloads;
use folder::Folder;
use watched::Slot;

use crate::job::State;

/// All that is counted in this process; cheap to clone, and every clone is the same.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    /// What of it shows by itself; the rest is put together when somebody asks.
    registry: Registry,
    calls: Calls,
    downloads: Downloads,
    finished: Family<[(&'static str, &'static str); 1], Counter>,
    turns: Counter,
    folder: Folder,
    watched: Slot,
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
    /// Begins to count, from zero. To be made once a process.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        about_the_process(&mut registry);
        let finished = Family::default();
        registry.register(
            "lipsyncd_jobs_finished",
            "Jobs that the line took to their end",
            finished.clone(),
        );
        for state in [State::Succeeded, State::Failed, State::Cancelled] {
            drop(finished.get_or_create(&[("state", state.name())]));
        }
        let turns = Counter::default();
        registry.register("lipsyncd_scheduler_turns", "Turns of the scheduler", turns.clone());
        Self(Arc::new(Inner {
            calls: Calls::register(&mut registry),
            downloads: Downloads::register(&mut registry),
            folder: Folder::new(),
            watched: Slot::default(),
            finished,
            turns,
            registry,
        }))
    }

    /// Counts a call of the API, or a fetch, that was answered or failed.
    pub fn record_call(&self, call: ApiCall, code: CallResult, took: Duration) {
        self.0.calls.count(call, code, took);
    }

    /// Counts a job that came to its end.
    pub fn record_finished_job(&self, state: State) {
        self.0.finished.get_or_create(&[("state", state.name())]).inc();
    }

    /// Counts a turn of the scheduler.
    pub fn record_scheduler_turn(&self) {
        self.0.turns.inc();
    }

    /// Counts a download that begins; what came of it is told to what is returned.
    #[must_use]
    pub fn start_download(&self) -> DownloadTimer {
        self.0.downloads.begin()
    }

    /// Counts bytes of results that came.
    pub fn record_received_bytes(&self, bytes: usize) {
        self.0.downloads.record_received_bytes(bytes);
    }

    /// A walk through the folder of manifests saw what it saw; taking it in comes next.
    pub fn record_scan(&self, pending: PendingManifests) {
        self.0.folder.record_scan(pending);
    }

    /// All that the last walk saw is taken in, but for `pending`.
    pub fn record_inbox_update(&self, pending: PendingManifests) {
        self.0.folder.record_inbox_update(pending);
    }

    /// So many folders, of those that may hold manifests, could not be read.
    pub fn record_unreadable_folders(&self, folders: usize) {
        self.0.folder.record_unreadable_folders(folders);
    }
}

fn about_the_process(registry: &mut Registry) {
    let build = Family::<[(&str, &str); 1], Gauge>::default();
    build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.register("lipsyncd_build_info", "Which version runs; always 1", build);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    registry.register(
        "process_start_time_seconds",
        "When the process began, in seconds since 1970",
        ConstGauge::new(now.as_secs_f64()),
    );
}

/// How long ago `moment` was, in seconds.
fn seconds_since(moment: Instant) -> f64 {
    moment.elapsed().as_secs_f64()
}

/// How long ago `at_ms` (Unix time) was at `now_ms`, in seconds; never negative, for clocks are set.
fn age_seconds(at_ms: i64, now_ms: i64) -> f64 {
    now_ms.saturating_sub(at_ms).max(0) as f64 / 1e3
}
