//! How many create requests are in flight: sent, and not answered in the database yet.
//!
//! A task that belongs to no job may be that of one of them.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The create requests in flight in this process.
#[derive(Debug, Default)]
pub(crate) struct InFlight(AtomicUsize);

/// One create request, until it is dropped.
pub(crate) struct InFlightGuard<'a>(&'a InFlight);

impl InFlight {
    pub(crate) fn begin(&self) -> InFlightGuard<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        InFlightGuard(self)
    }

    pub(crate) fn is_any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}
