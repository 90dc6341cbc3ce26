//! Whether calls may start: pauses, and the first scan of the folder.
//!
//! A step in progress checks again right before it pays, by its [`PaidCallPermit`] and in the database.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::time::Instant;

use crate::{
    job::TaskId,
    store::{Pause, PauseKind},
};

/// The call that finds out whether a paused queue can resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PendingProbe {
    /// A free query.
    Free,
    /// The paid call of this task.
    Paid(TaskId),
}

/// What holds the queue.
#[derive(Debug)]
pub(crate) struct PauseGate {
    pub(crate) pause: Option<Pause>,
    probe_at: Instant,
    /// The probe that was sent. No other is sent until it is answered.
    pub(crate) pending: Option<PendingProbe>,
    /// The folder was scanned completely since the start, so that jobs that left it are known.
    pub(crate) is_scanned: bool,
}

impl PauseGate {
    pub(crate) fn new(now: Instant) -> Self {
        Self { pause: None, probe_at: now, pending: None, is_scanned: false }
    }

    /// Sets the pause that the database has. After a new pause, a probe is due at once.
    pub(crate) fn set_pause(&mut self, pause: Option<Pause>, now: Instant) {
        let since_ms = |pause: &Option<Pause>| pause.as_ref().map(|pause| pause.since_ms);
        if since_ms(&self.pause) != since_ms(&pause) {
            self.set_next_probe(now);
        }
        self.pause = pause;
    }

    /// Plans the next probe, and waits for no earlier one.
    pub(crate) fn set_next_probe(&mut self, at: Instant) {
        self.probe_at = at;
        self.pending = None;
    }

    pub(crate) fn allows_paid_calls(&self) -> bool {
        self.is_scanned && self.pause.is_none()
    }

    pub(crate) fn allows_queries(&self) -> bool {
        self.pause.as_ref().is_none_or(|pause| pause.kind != PauseKind::Credentials)
    }

    /// Whether a free call is due that finds out if the API accepts the credentials again.
    pub(crate) fn wants_free_probe(&self, now: Instant) -> bool {
        self.is_probe_due(PauseKind::Credentials, now)
    }

    /// Whether a paid call is due that finds out if the account can pay again.
    pub(crate) fn wants_paid_probe(&self, now: Instant) -> bool {
        self.is_probe_due(PauseKind::Account, now) && self.is_scanned
    }

    /// Returns when the next probe is due. A person's pause has no probe.
    pub(crate) fn next_probe_at(&self) -> Option<Instant> {
        let has_probe = self.pause.as_ref().is_some_and(|pause| pause.kind != PauseKind::Person);
        (has_probe && self.pending.is_none()).then_some(self.probe_at)
    }

    fn is_probe_due(&self, kind: PauseKind, now: Instant) -> bool {
        self.pause.as_ref().is_some_and(|pause| pause.kind == kind)
            && self.pending.is_none()
            && self.probe_at <= now
    }
}

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

pub(crate) struct PaidCallPermit {
    is_probe: bool,
    paid_calls: PaidCalls,
}

impl PaidCallPermit {
    /// Allows nothing.
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
