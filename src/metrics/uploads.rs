//! Uploads of local videos: finished, bytes.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// How an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadResult {
    /// The video was sent.
    Sent,
    /// The bucket had it already.
    Present,
    /// It failed; there may be another one.
    Failed,
}

impl UploadResult {
    const ALL: [Self; 3] = [Self::Sent, Self::Present, Self::Failed];

    const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Present => "present",
            Self::Failed => "failed",
        }
    }
}

pub(super) struct UploadCounters {
    finished: Family<[(&'static str, &'static str); 1], Counter>,
    bytes: Counter,
}

impl UploadCounters {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let uploads = Self { finished: Family::default(), bytes: Counter::default() };
        registry.register(
            "lipsyncd_uploads_finished",
            "Finished uploads of local videos; each attempt counts",
            uploads.finished.clone(),
        );
        registry.register(
            "lipsyncd_upload_bytes",
            "Sent bytes of local videos",
            uploads.bytes.clone(),
        );
        for result in UploadResult::ALL {
            drop(uploads.finished.get_or_create(&[("result", result.name())]));
        }
        uploads
    }

    pub(super) fn count(&self, result: UploadResult, bytes: u64) {
        self.finished.get_or_create(&[("result", result.name())]).inc();
        self.bytes.inc_by(bytes);
    }
}
