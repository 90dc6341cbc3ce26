//! How far the reading of the folder of manifests is behind.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::{age_seconds, seconds_since, text::Page};

/// Manifests that were seen to be new or changed, and are not taken in yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PendingManifests {
    /// How many.
    pub manifests: usize,
    /// When (Unix ms) the first of them was seen.
    pub oldest_at_ms: Option<i64>,
}

pub(super) struct Folder(Mutex<Known>);

struct Known {
    /// None was taken in to its end yet: since when that is waited for.
    looked: Instant,
    looks: u64,
    pending: PendingManifests,
    unreadable: usize,
}

impl Folder {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Known {
            looked: Instant::now(),
            looks: 0,
            pending: PendingManifests::default(),
            unreadable: 0,
        }))
    }

    pub(super) fn record_scan(&self, pending: PendingManifests) {
        self.known().pending = pending;
    }

    pub(super) fn record_inbox_update(&self, pending: PendingManifests) {
        let mut known = self.known();
        known.looks += 1;
        known.looked = Instant::now();
        known.pending = pending;
    }

    pub(super) fn record_unreadable_folders(&self, folders: usize) {
        self.known().unreadable = folders;
    }

    pub(super) fn tell(&self, page: &mut Page, now_ms: i64) {
        let known = self.known();
        let PendingManifests { manifests, oldest_at_ms } = known.pending;
        page.counter(
            "lipsyncd_inbox_looks",
            "Complete looks through the folder of manifests",
            known.looks as f64,
        );
        page.gauge(
            "lipsyncd_inbox_look_age_seconds",
            "Time since the last complete look through the folder of manifests, or since the start",
            seconds_since(known.looked),
        );
        page.gauge(
            "lipsyncd_inbox_pending_manifests",
            "Manifests that were seen to be new or changed and are not taken in yet",
            manifests as f64,
        );
        page.gauge(
            "lipsyncd_inbox_pending_age_seconds",
            "Time since the first of those was seen; 0 when there is none",
            oldest_at_ms.map_or(0.0, |at_ms| age_seconds(at_ms, now_ms)),
        );
        page.gauge(
            "lipsyncd_inbox_unreadable_folders",
            "Folders of manifests that could not be read at the last look",
            known.unreadable as f64,
        );
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
