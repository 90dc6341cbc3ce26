//! What the service manager is told (`sd_notify(3)`): that the daemon is ready, that it reloads or
//! ends, a line on what it does, and that its scheduler lives.
//!
//! Without a manager that listens (`$NOTIFY_SOCKET`) all of it does nothing. It keeps no timer: the
//! watchdog is fed by whoever made progress, or not at all.

use std::{
    env,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sd_notify::NotifyState;
use tracing::debug;

/// A start that makes progress may take so much longer, each time it says so.
const START_MORE_USEC: u32 = 90_000_000;
/// How often it says so at most.
const START_FEED_EVERY: Duration = Duration::from_secs(10);

/// The service manager, if one listens.
pub(super) struct Manager {
    listens: bool,
    /// How often it is told that the scheduler lives; none: it does not ask.
    feed_every: Option<Duration>,
    fed_at: Mutex<Option<Instant>>,
    /// It was not ready yet.
    starts: AtomicBool,
    /// The start waits for something that may never come: no more time is asked for.
    is_stuck: AtomicBool,
    status: Mutex<String>,
    /// What was wrong with the configuration at the last reload.
    refusal: Mutex<Option<String>>,
}

impl Manager {
    /// Finds out who listens, and whether a watchdog is set.
    pub(super) fn find() -> Self {
        Self {
            listens: env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty()),
            // Twice as often as systemd advises: between two turns of the scheduler lies as much again.
            feed_every: sd_notify::watchdog_enabled().map(|limit| limit / 4),
            fed_at: Mutex::default(),
            starts: AtomicBool::new(true),
            is_stuck: AtomicBool::new(false),
            status: Mutex::default(),
            refusal: Mutex::default(),
        }
    }

    /// Whether a line of status reaches anybody.
    pub(super) fn listens(&self) -> bool {
        self.listens
    }

    /// The longest time between two signs of life that the watchdog bears with ease, if it is set.
    pub(super) fn feed_every(&self) -> Option<Duration> {
        self.feed_every
    }

    /// It works: the database is open and the folder has been read; or a reload is over.
    pub(super) fn ready(&self) {
        self.starts.store(false, Ordering::Relaxed);
        self.tell(&[NotifyState::Ready]);
    }

    /// New settings are being taken; [`ready`](Self::ready) ends it.
    pub(super) fn reloading(&self) {
        // A manager that is asked to wait for the reload compares this with when it asked.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    /// It was told to end, and does.
    pub(super) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status("ending")]);
    }

    /// The start waits for what may never come, or no longer does.
    pub(super) fn stuck(&self, is_stuck: bool) {
        self.is_stuck.store(is_stuck, Ordering::Relaxed);
    }

    /// New settings were refused, and why; or the last ones were taken.
    pub(super) fn refused(&self, why: Option<String>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Says in one line what it does; the same line is said once.
    pub(super) fn status(&self, line: &str) {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let line = match refusal {
            Some(why) => format!("a new configuration was refused ({why}); {line}"),
            None => line.to_owned(),
        };
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if *status != line {
            status.clone_from(&line);
            self.tell(&[NotifyState::Status(&line)]);
        }
    }

    /// Something made progress that the watchdog is to watch; while it starts, that gives it more time.
    pub(super) fn feed(&self) {
        let starts = self.starts.load(Ordering::Relaxed);
        if starts && self.is_stuck.load(Ordering::Relaxed) {
            return;
        }
        let Some(every) = self.feed_every.or(starts.then_some(START_FEED_EVERY)) else { return };
        let mut fed_at = self.fed_at.lock().unwrap_or_else(PoisonError::into_inner);
        if fed_at.is_none_or(|at| at.elapsed() >= every) {
            *fed_at = Some(Instant::now());
            let more = NotifyState::ExtendTimeoutUsec(START_MORE_USEC);
            self.tell(&[if starts { more } else { NotifyState::Watchdog }]);
        }
    }

    fn tell(&self, state: &[NotifyState<'_>]) {
        if self.listens
            && let Err(error) = sd_notify::notify(state)
        {
            debug!("the service manager cannot be told: {error}");
        }
    }
}
