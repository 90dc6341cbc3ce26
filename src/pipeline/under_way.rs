//! How many creates are under way: sent, or about to be, and what came of them not written down yet.
//!
//! A task that belongs to no job may be that of one of them.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The creates under way in this process.
#[derive(Debug, Default)]
pub(super) struct UnderWay(AtomicUsize);

/// One create, until it is dropped.
pub(super) struct Sending<'a>(&'a UnderWay);

impl UnderWay {
    pub(super) fn begin(&self) -> Sending<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        Sending(self)
    }

    pub(super) fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}
