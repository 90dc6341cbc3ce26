//! The permission to send a paid call, which a step checks right before it sends one.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether paid calls are allowed now. Steps in progress see each change at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct PaidCalls(Arc<AtomicBool>);

impl PaidCalls {
    pub(crate) fn allow(&self, is_allowed: bool) {
        self.0.store(is_allowed, Ordering::Release);
    }

    /// Returns a permit for one step. A probe may be sent while the account's pause lasts.
    pub(crate) fn permit(&self, is_probe: bool) -> PaidCallPermit {
        PaidCallPermit { is_probe, paid_calls: self.clone() }
    }
}

/// Says whether one step may send its paid call.
pub(crate) struct PaidCallPermit {
    is_probe: bool,
    paid_calls: PaidCalls,
}

impl PaidCallPermit {
    /// Returns a permit that allows nothing.
    pub(crate) fn denied() -> Self {
        PaidCalls::default().permit(false)
    }

    /// Whether the call finds out if the account can pay again.
    pub(crate) fn is_probe(&self) -> bool {
        self.is_probe
    }

    pub(crate) fn allows_call(&self) -> bool {
        self.is_probe || self.paid_calls.0.load(Ordering::Acquire)
    }
}
