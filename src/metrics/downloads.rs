//! Downloads of results: begun, ended, how long, how many bytes.

use std::time::Instant;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::seconds_since;

/// Upper ends of the histogram's buckets, in seconds.
const BUCKETS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

type Results = Family<[(&'static str, &'static str); 1], Counter>;

pub(super) struct Downloads {
    started: Counter,
    finished: Results,
    bytes: Counter,
    seconds: Histogram,
}

/// A download under way. One that is dropped has neither succeeded nor failed: the daemon ends, and
/// the next start goes on with it.
pub struct DownloadTimer {
    began: Instant,
    finished: Results,
    seconds: Histogram,
}

impl Downloads {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let downloads = Self {
            started: Counter::default(),
            finished: Family::default(),
            bytes: Counter::default(),
            seconds: Histogram::new(BUCKETS),
        };
        registry.register(
            "lipsyncd_downloads_started",
            "Downloads of results that began, each try of its own",
            downloads.started.clone(),
        );
        registry.register(
            "lipsyncd_downloads_finished",
            "Downloads of results that ended, each try of its own",
            downloads.finished.clone(),
        );
        registry.register(
            "lipsyncd_download_bytes",
            "Bytes of results that came",
            downloads.bytes.clone(),
        );
        registry.register(
            "lipsyncd_download_duration_seconds",
            "How long downloads took that succeeded, until the result had its name on disk",
            downloads.seconds.clone(),
        );
        for result in ["succeeded", "failed"] {
            drop(downloads.finished.get_or_create(&[("result", result)]));
        }
        downloads
    }

    pub(super) fn begin(&self) -> DownloadTimer {
        self.started.inc();
        DownloadTimer {
            began: Instant::now(),
            finished: self.finished.clone(),
            seconds: self.seconds.clone(),
        }
    }

    pub(super) fn record_received_bytes(&self, bytes: usize) {
        self.bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

impl DownloadTimer {
    /// The result is whole on disk.
    pub fn succeeded(self) {
        self.finished.get_or_create(&[("result", "succeeded")]).inc();
        self.seconds.observe(seconds_since(self.began));
    }

    /// It is to be tried again later, or was given up.
    pub fn failed(self) {
        self.finished.get_or_create(&[("result", "failed")]).inc();
    }
}
