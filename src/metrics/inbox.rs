//! How far the reading of the folder of manifests is behind.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::page::{ScrapePage, age_seconds};

/// Manifests that a scan found new or changed, and that are not stored yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PendingManifests {
    /// How many.
    pub manifests: usize,
    /// When (Unix ms) the first of them was found.
    pub oldest_at_ms: Option<i64>,
}

pub(super) struct InboxMetrics(Mutex<InboxProgress>);

pub(super) struct InboxProgress {
    /// When the last scan was stored; before the first, when the process started.
    pub(super) last_scan: Instant,
    pub(super) scans: u64,
    pub(super) pending: PendingManifests,
    pub(super) unreadable: usize,
}

impl InboxMetrics {
    pub(super) fn new() -> Self {
        Self(Mutex::new(InboxProgress {
            last_scan: Instant::now(),
            scans: 0,
            pending: PendingManifests::default(),
            unreadable: 0,
        }))
    }

    pub(super) fn add(&self, page: &mut ScrapePage, now_ms: i64) {
        let progress = self.progress();
        let PendingManifests { manifests, oldest_at_ms } = progress.pending;
        page.counter(
            "lipsyncd_inbox_scans",
            "Complete scans of the folder of manifests",
            progress.scans as f64,
        );
        page.gauge(
            "lipsyncd_inbox_scan_age_seconds",
            "Time since the last complete scan of the folder of manifests, or since the start",
            progress.last_scan.elapsed().as_secs_f64(),
        );
        page.gauge(
            "lipsyncd_inbox_pending_manifests",
            "Manifests that are new or changed and not stored yet",
            manifests as f64,
        );
        page.gauge(
            "lipsyncd_inbox_pending_age_seconds",
            "Time since the first of those was found; 0 when there is none",
            oldest_at_ms.map_or(0.0, |at_ms| age_seconds(at_ms, now_ms)),
        );
        page.gauge(
            "lipsyncd_inbox_unreadable_folders",
            "Folders of manifests that the last scan could not read",
            progress.unreadable as f64,
        );
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, InboxProgress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
