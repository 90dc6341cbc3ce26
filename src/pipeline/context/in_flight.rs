//! Counts the create requests in flight: sent, and their reply not recorded yet.
//!
//! A task at Kling that belongs to no job may be the task of one of them.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The create requests in flight in this process.
#[derive(Debug, Default)]
pub(crate) struct InFlight(AtomicUsize);

/// Counts one create request until it is dropped.
pub(crate) struct InFlightGuard<'a>(&'a InFlight);

impl InFlight {
    pub(crate) fn start(&self) -> InFlightGuard<'_> {
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
