//! What the service manager is told (`sd_notify(3)`): that the daemon is ready, that it reloads or
//! ends, a line on what it does, and that its scheduler lives.
//!
//! Without a manager that listens (`$NOTIFY_SOCKET`) all of it does nothing. It keeps no timer: the
//! watchdog is fed by whoever made progress, or not at all. Nobody waits here for a manager that does not
//! read: what it must hear is told again with what comes next.

use std::{
    collections::VecDeque,
    env, io,
    os::unix::net::UnixDatagram,
    path::PathBuf,
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
/// A watchdog that wants to be fed more often gets no more: that would be all that is done.
const FEED_EVERY_MIN: Duration = Duration::from_millis(50);
/// So much is kept for a manager that does not read.
const UNTOLD_MAX: usize = 16;

/// The service manager, if one listens.
pub(super) struct ServiceManager {
    socket: Option<PathBuf>,
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
    /// What it must hear, and had no room for.
    untold: Mutex<VecDeque<String>>,
}

impl ServiceManager {
    /// Finds out who listens, and whether a watchdog is set.
    pub(super) fn from_env() -> Self {
        Self {
            socket: env::var_os("NOTIFY_SOCKET")
                .filter(|socket| !socket.is_empty())
                .map(PathBuf::from),
            feed_every: sd_notify::watchdog_enabled().and_then(feed_every),
            fed_at: Mutex::default(),
            starts: AtomicBool::new(true),
            is_stuck: AtomicBool::new(false),
            status: Mutex::default(),
            refusal: Mutex::default(),
            untold: Mutex::default(),
        }
    }

    /// Whether a line of status reaches anybody.
    pub(super) fn listens(&self) -> bool {
        self.socket.is_some()
    }

    /// The longest time between two signs of life that the watchdog bears with ease, if it is set.
    pub(super) fn feed_every(&self) -> Option<Duration> {
        self.feed_every
    }

    /// It works: the database is open and the folder has been read; or a reload is over.
    pub(super) fn ready(&self) {
        self.starts.store(false, Ordering::Relaxed);
        self.insist(&[NotifyState::Ready]);
    }

    /// New settings are being taken; [`ready`](Self::ready) ends it.
    pub(super) fn reloading(&self) {
        // A manager that is asked to wait for the reload compares this with when it asked.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.insist(&[NotifyState::Reloading, now]),
            Err(_) => self.insist(&[NotifyState::Reloading]),
        }
    }

    /// It was told to end, and does.
    pub(super) fn stopping(&self) {
        self.insist(&[NotifyState::Stopping, NotifyState::Status("ending")]);
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
            if self.tell(&[NotifyState::Status(&line)]) {
                status.clone_from(&line);
            }
        } else {
            self.tell_rest();
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
            let more = NotifyState::ExtendTimeoutUsec(START_MORE_USEC);
            let word = if starts { more } else { NotifyState::Watchdog };
            *fed_at = self.tell(&[word]).then(Instant::now);
        }
    }

    /// Returns false if it had no room for it.
    fn tell(&self, state: &[NotifyState<'_>]) -> bool {
        self.tell_rest() && self.send(&words(state))
    }

    /// Tells what must be heard, if not now, then later.
    fn insist(&self, state: &[NotifyState<'_>]) {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        untold.push_back(words(state));
        while untold.len() > UNTOLD_MAX {
            untold.pop_front();
        }
        drop(untold);
        self.tell_rest();
    }

    /// Returns whether all is told that must be heard.
    fn tell_rest(&self) -> bool {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        while untold.front().is_some_and(|first| self.send(first)) {
            untold.pop_front();
        }
        untold.is_empty()
    }

    /// Returns false if it is to be sent again.
    fn send(&self, words: &str) -> bool {
        let Some(path) = &self.socket else { return true };
        let sent = UnixDatagram::unbound().and_then(|socket| {
            // The scheduler must not wait for somebody who does not read.
            socket.set_nonblocking(true)?;
            socket.send_to(words.as_bytes(), path)
        });
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => {
                debug!("the service manager cannot be told: {error}");
                true
            }
            Ok(_) => true,
        }
    }
}

/// How often a watchdog with this limit is fed: twice as often as systemd advises, for between two turns of
/// the scheduler lies as much again.
fn feed_every(limit: Duration) -> Option<Duration> {
    // As sd_watchdog_enabled(3) has it, there is none then.
    (!limit.is_zero()).then(|| (limit / 4).max(FEED_EVERY_MIN))
}

fn words(state: &[NotifyState<'_>]) -> String {
    state.iter().map(|state| format!("{state}\n")).collect()
}
