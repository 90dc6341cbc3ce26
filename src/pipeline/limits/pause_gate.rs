//! What holds the whole line back: a pause, and the day's budget.
//!
//! Owns which kinds of step may start while the line is held; a step that is under way asks again
//! right before it pays.

use tokio::time::Instant;

use std::time::Duration;

use crate::{
    job::TaskId,
    store::{Pause, PauseKind},
};

/// What finds out whether a paused line may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PendingProbe {
    /// A query that costs nothing.
    Free,
    /// The paid call of this job.
    Paid(TaskId),
}

/// The line as a whole.
#[derive(Debug)]
pub(crate) struct PauseGate {
    pause: Option<Pause>,
    probe_at: Instant,
    probing: Option<PendingProbe>,
    over_budget: bool,
    is_scanned: bool,
}

impl PauseGate {
    pub(crate) fn new() -> Self {
        Self {
            pause: None,
            probe_at: Instant::now(),
            probing: None,
            over_budget: false,
            is_scanned: false,
        }
    }

    pub(crate) fn pause(&self) -> Option<&Pause> {
        self.pause.as_ref()
    }

    /// Takes over what the database says; a probe is due at once.
    pub(crate) fn set(&mut self, pause: Option<Pause>) {
        if self.pause.as_ref().map(|pause| pause.since_ms)
            != pause.as_ref().map(|pause| pause.since_ms)
        {
            self.probe_at = Instant::now();
            self.probing = None;
        }
        self.pause = pause;
    }

    /// The next probe is due after `interval`.
    pub(crate) fn probe_after(&mut self, interval: Duration) {
        self.probe_at = Instant::now() + interval;
        self.probing = None;
    }

    /// A probe has been sent; no other until it is answered.
    pub(crate) fn probe_sent(&mut self, probe: PendingProbe) {
        self.probing = Some(probe);
    }

    /// Whether the answer to `probe` is still awaited.
    pub(crate) fn is_awaiting(&self, probe: PendingProbe) -> bool {
        self.probing == Some(probe)
    }

    pub(crate) fn set_over_budget(&mut self, over_budget: bool) {
        self.over_budget = over_budget;
    }

    /// Whether the folder was scanned completely since the start: what is no longer asked for is known.
    pub(crate) fn set_scanned(&mut self, is_scanned: bool) {
        self.is_scanned = is_scanned;
    }

    pub(crate) fn is_scanned(&self) -> bool {
        self.is_scanned
    }

    /// Whether calls that cost may start.
    pub(crate) fn allows_paid_calls(&self) -> bool {
        if !self.is_scanned {
            return false;
        }
        self.pause.is_none() && !self.over_budget
    }

    /// Whether calls that cost nothing may start.
    pub(crate) fn allows_queries(&self) -> bool {
        self.pause.as_ref().is_none_or(|pause| pause.kind != PauseKind::Credentials)
    }

    /// Whether a free call is to find out if the credentials are taken again.
    pub(crate) fn wants_free_probe(&self) -> bool {
        self.is_due(PauseKind::Credentials)
    }

    /// Whether one call that costs is to find out if the account can pay again.
    pub(crate) fn wants_paid_probe(&self) -> bool {
        self.is_due(PauseKind::Account) && self.may_probe_paid()
    }

    /// Whether nothing but the pause keeps a paid probe from being sent.
    pub(crate) fn may_probe_paid(&self) -> bool {
        !self.over_budget && self.is_scanned
    }

    /// When the next probe is due, if one is awaited.
    pub(crate) fn next_probe(&self) -> Option<Instant> {
        let awaited = self.pause.as_ref().is_some_and(|pause| pause.kind != PauseKind::Person);
        (awaited && self.probing.is_none()).then_some(self.probe_at)
    }

    fn is_due(&self, kind: PauseKind) -> bool {
        self.pause.as_ref().is_some_and(|pause| pause.kind == kind)
            && self.probing.is_none()
            && self.probe_at <= Instant::now()
    }
}
