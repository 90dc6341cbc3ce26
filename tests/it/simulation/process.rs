//! One simulated process of the daemon: it takes so many steps, then it is killed.
//!
//! Every effect outside the process (a commit, a request, a write) is between two steps. A step lets other tasks run
//! first. After the last step nothing of the process continues.

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

#[derive(Debug)]
pub struct Process {
    steps_left: AtomicI64,
    is_killed: AtomicBool,
    kill_notice: Notify,
    chance: Chance,
}

impl Process {
    /// `steps`: none for a process that is not killed after some step.
    pub fn new(steps: Option<i64>, chance: Chance) -> Arc<Self> {
        let steps_left = AtomicI64::new(steps.unwrap_or(i64::MAX));
        let (is_killed, kill_notice) = (AtomicBool::new(false), Notify::new());
        Arc::new(Self { steps_left, is_killed, kill_notice, chance })
    }

    /// One step. It never returns in a killed process.
    pub async fn step(&self) {
        for _ in 0..self.chance.between(0, 2) {
            yield_now().await;
        }
        if self.steps_left.fetch_sub(1, Ordering::Relaxed) <= 1 {
            self.kill();
        }
        if self.is_killed.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    }

    pub fn kill(&self) {
        self.is_killed.store(true, Ordering::Relaxed);
        self.kill_notice.notify_one();
    }

    /// Returns when the process is killed.
    pub async fn killed(&self) {
        self.kill_notice.notified().await;
    }

    pub fn simulation_hook(self: &Arc<Self>) -> SimulationHook {
        let process = Arc::clone(self);
        Arc::new(move || {
            let process = Arc::clone(&process);
            Box::pin(async move { process.step().await })
        })
    }
}
