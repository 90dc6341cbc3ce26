//! Reports to the service manager (`sd_notify(3)`): ready, reloading, stopping, a status line, and keep-alive pings.
//!
//! Does nothing without a service manager (`$NOTIFY_SOCKET`). Has no timer: only progress keeps the watchdog alive.
//! Never waits for a manager that does not read. State changes that could not be sent are sent later.

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

/// How much a start that makes progress extends its time limit.
const START_EXTENSION_USEC: u32 = 90_000_000;
/// How often it extends the limit at most.
const START_EXTEND_EVERY: Duration = Duration::from_secs(10);
/// Pings are never more frequent, because they would take all the time.
const KEEP_ALIVE_EVERY_MIN: Duration = Duration::from_millis(50);
/// Messages that are kept for a manager that does not read.
const UNSENT_MAX: usize = 16;

pub(super) struct ServiceManager {
    socket: Option<PathBuf>,
    /// How often the scheduler pings the watchdog. None: there is no watchdog.
    keep_alive_every: Option<Duration>,
    pinged_at: Mutex<Option<Instant>>,
    /// The daemon was not ready yet.
    is_starting: AtomicBool,
    /// The start waits for something that may never come: its time limit is not extended.
    is_stuck: AtomicBool,
    status: Mutex<String>,
    refusal: Mutex<Option<String>>,
    unsent: Mutex<VecDeque<String>>,
}

impl ServiceManager {
    /// Reads from the environment whether there is a service manager, and a watchdog.
    pub(super) fn from_env() -> Self {
        Self {
            socket: env::var_os("NOTIFY_SOCKET")
                .filter(|socket| !socket.is_empty())
                .map(PathBuf::from),
            keep_alive_every: sd_notify::watchdog_enabled().and_then(keep_alive_every),
            pinged_at: Mutex::default(),
            is_starting: AtomicBool::new(true),
            is_stuck: AtomicBool::new(false),
            status: Mutex::default(),
            refusal: Mutex::default(),
            unsent: Mutex::default(),
        }
    }

    pub(super) fn is_present(&self) -> bool {
        self.socket.is_some()
    }

    pub(super) fn keep_alive_every(&self) -> Option<Duration> {
        self.keep_alive_every
    }

    /// The daemon works: the database is open and the folder has been read, or a reload has ended.
    pub(super) fn ready(&self) {
        self.is_starting.store(false, Ordering::Relaxed);
        self.send_or_keep(&[NotifyState::Ready]);
    }

    /// A reload begins. [`ready`](Self::ready) ends it.
    pub(super) fn reloading(&self) {
        // `Type=notify-reload` compares this time with the time of its request.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.send_or_keep(&[NotifyState::Reloading, now]),
            Err(_) => self.send_or_keep(&[NotifyState::Reloading]),
        }
    }

    pub(super) fn stopping(&self) {
        self.send_or_keep(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    /// Records whether the start waits for something that may never come.
    pub(super) fn set_stuck(&self, is_stuck: bool) {
        self.is_stuck.store(is_stuck, Ordering::Relaxed);
    }

    /// Records why new settings were refused. None: the last ones were accepted.
    pub(super) fn set_refusal(&self, why: Option<String>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Sends a status line, unless it was the last one sent.
    pub(super) fn status(&self, line: &str) {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let line = match refusal {
            Some(why) => format!("a new configuration was refused ({why}); {line}"),
            None => line.to_owned(),
        };
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if *status != line {
            if self.send_now(&[NotifyState::Status(&line)]) {
                status.clone_from(&line);
            }
        } else {
            self.send_unsent();
        }
    }

    /// The scheduler or the start made progress: pings the watchdog, or extends the time limit of the start.
    pub(super) fn keep_alive(&self) {
        let is_starting = self.is_starting.load(Ordering::Relaxed);
        if is_starting && self.is_stuck.load(Ordering::Relaxed) {
            return;
        }
        let Some(every) = self.keep_alive_every.or(is_starting.then_some(START_EXTEND_EVERY))
        else {
            return;
        };
        let mut pinged_at = self.pinged_at.lock().unwrap_or_else(PoisonError::into_inner);
        if pinged_at.is_none_or(|at| at.elapsed() >= every) {
            let more = NotifyState::ExtendTimeoutUsec(START_EXTENSION_USEC);
            let message = if is_starting { more } else { NotifyState::Watchdog };
            *pinged_at = self.send_now(&[message]).then(Instant::now);
        }
    }

    /// Returns false if the manager has no room for it.
    fn send_now(&self, state: &[NotifyState<'_>]) -> bool {
        self.send_unsent() && self.send(&message(state))
    }

    fn send_or_keep(&self, state: &[NotifyState<'_>]) {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.push_back(message(state));
        while unsent.len() > UNSENT_MAX {
            unsent.pop_front();
        }
        drop(unsent);
        self.send_unsent();
    }

    /// Returns true if all state changes were sent.
    fn send_unsent(&self) -> bool {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        while unsent.front().is_some_and(|first| self.send(first)) {
            unsent.pop_front();
        }
        unsent.is_empty()
    }

    /// Returns false if the message must be sent again.
    fn send(&self, message: &str) -> bool {
        let Some(path) = &self.socket else { return true };
        let sent = UnixDatagram::unbound().and_then(|socket| {
            // The scheduler must not wait for a manager that does not read.
            socket.set_nonblocking(true)?;
            socket.send_to(message.as_bytes(), path)
        });
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => {
                debug!("cannot notify the service manager: {error}");
                true
            }
            Ok(_) => true,
        }
    }
}

/// Returns how often a watchdog with this limit is pinged: twice as often as systemd advises, because the scheduler
/// may take as long again between two turns.
fn keep_alive_every(limit: Duration) -> Option<Duration> {
    // A limit of 0 means that there is no watchdog (sd_watchdog_enabled(3)).
    (!limit.is_zero()).then(|| (limit / 4).max(KEEP_ALIVE_EVERY_MIN))
}

fn message(state: &[NotifyState<'_>]) -> String {
    state.iter().map(|state| format!("{state}\n")).collect()
}
