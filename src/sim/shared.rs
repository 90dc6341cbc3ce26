//! What every request of the server uses: the rules, the clock, the media folder.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{config::SimConfig, ledger::Ledger, media_folder::MediaFolder, rules::Sim};

/// The state that all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    sim: Mutex<Sim>,
    pub(super) base_url: String,
    pub(super) folder: MediaFolder,
    /// A callback may be due.
    pub(super) changed: Notify,
    pub(super) stop: CancellationToken,
    /// How many create requests are delayed, and the signal that delivers them at once.
    pub(super) kept: AtomicUsize,
    pub(super) release: watch::Sender<()>,
    /// The wall clock at the start; from there the monotonic clock, so that time never goes back.
    began_at_ms: i64,
    began: Instant,
    pub(super) ahead_ms: AtomicI64,
}

impl Shared {
    pub(super) fn new(config: SimConfig, base_url: &str) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            base_url: base_url.to_owned(),
            folder: MediaFolder { dir: config.media_dir.clone(), reader: config.media_reader },
            changed: Notify::new(),
            stop: CancellationToken::new(),
            kept: AtomicUsize::new(0),
            release: watch::Sender::new(()),
            began_at_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX / 2),
            began: Instant::now(),
            ahead_ms: AtomicI64::new(config.clock_offset_ms),
            sim: Mutex::new(Sim::new(config, base_url)),
        }
    }

    /// Locks the rules, also after a panic of another request.
    pub(super) fn sim(&self) -> MutexGuard<'_, Sim> {
        self.sim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_ms(&self) -> i64 {
        let elapsed_ms = i64::try_from(self.began.elapsed().as_millis()).unwrap_or_default();
        self.began_at_ms + elapsed_ms + self.ahead_ms.load(Ordering::Relaxed)
    }

    pub(super) fn ledger(&self) -> Ledger {
        let now_ms = self.now_ms();
        self.sim().ledger(now_ms)
    }
}
