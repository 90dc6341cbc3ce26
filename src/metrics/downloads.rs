//! Downloads of results: started, finished, duration, bytes.

use std::time::Instant;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Upper ends of the histogram's buckets, in seconds.
const BUCKETS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

type Results = Family<[(&'static str, &'static str); 1], Counter>;

pub(super) struct Downloads {
    started: Counter,
    finished: Results,
    pub(super) bytes: Counter,
    seconds: Histogram,
}

/// A download in progress. One that is dropped is not counted as finished: the daemon stops, and the next start
/// continues the download.
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
            "Started downloads of results; each attempt counts",
            downloads.started.clone(),
        );
        registry.register(
            "lipsyncd_downloads_finished",
            "Finished downloads of results; each attempt counts",
            downloads.finished.clone(),
        );
        registry.register(
            "lipsyncd_download_bytes",
            "Received bytes of results",
            downloads.bytes.clone(),
        );
        registry.register(
            "lipsyncd_download_duration_seconds",
            "Duration of successful downloads, until the result has its final name on disk",
            downloads.seconds.clone(),
        );
        for result in ["succeeded", "failed"] {
            drop(downloads.finished.get_or_create(&[("result", result)]));
        }
        downloads
    }

    pub(super) fn start(&self) -> DownloadTimer {
        self.started.inc();
        DownloadTimer {
            began: Instant::now(),
            finished: self.finished.clone(),
            seconds: self.seconds.clone(),
        }
    }
}

impl DownloadTimer {
    /// The result is complete on disk.
    pub fn succeeded(self) {
        self.finished.get_or_create(&[("result", "succeeded")]).inc();
        self.seconds.observe(self.began.elapsed().as_secs_f64());
    }

    /// The attempt failed; there may be another one.
    pub fn failed(self) {
        self.finished.get_or_create(&[("result", "failed")]).inc();
    }
}
