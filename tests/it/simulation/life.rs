//! One life of the daemon: so many steps, then it is dead, wherever it was.
//!
//! Whatever reaches beyond the process, a commit, a request, a write, stands between two steps. In a
//! step others may come first; past the last one nothing of that life ever goes on.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use lipsyncd::store::SimulationHook;
use tokio::{sync::Notify, task::yield_now};

use crate::support::chance::Chance;

/// One life.
#[derive(Debug)]
pub struct Life {
    steps_left: AtomicI64,
    dead: AtomicBool,
    died: Notify,
    chance: Chance,
}

impl Life {
    /// `steps`: none for a life that ends by itself.
    pub fn new(steps: Option<i64>, chance: Chance) -> Arc<Self> {
        let steps_left = AtomicI64::new(steps.unwrap_or(i64::MAX));
        Arc::new(Self { steps_left, dead: AtomicBool::new(false), died: Notify::new(), chance })
    }

    /// One step: returns, or never does.
    pub async fn step(&self) {
        for _ in 0..self.chance.between(0, 2) {
            yield_now().await;
        }
        if self.steps_left.fetch_sub(1, Ordering::Relaxed) <= 1 {
            self.end();
        }
        if self.dead.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    }

    /// Ends it here and now.
    pub fn end(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
    }

    /// Returns when it has ended.
    pub async fn ended(&self) {
        self.died.notified().await;
    }

    pub fn simulation_hook(self: &Arc<Self>) -> SimulationHook {
        let life = Arc::clone(self);
        Arc::new(move || {
            let life = Arc::clone(&life);
            Box::pin(async move { life.step().await })
        })
    }
}
