//! Where work that blocks is done: walking the folder, reading media, writing results.

use std::{fmt, future::pending, sync::Arc};

use futures_util::future::BoxFuture;
use tokio_util::task::TaskTracker;

/// Awaited before and after each piece of work in a simulation: there a crash may come, after which it never
/// returns.
pub type SimulationHook = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Where work that blocks is done.
#[derive(Clone)]
pub enum Offload {
    /// On a thread that may block. Whoever asked may be gone by the time it is done: the tracker knows.
    Threads(TaskTracker),
    /// Where it is asked for, between two simulation hooks: for a simulation, whose clock must not run ahead
    /// of a thread that it does not know of.
    Inline(SimulationHook),
}

impl Offload {
    /// On threads that may block.
    #[must_use]
    pub fn threads() -> Self {
        Self::Threads(TaskTracker::new())
    }

    /// Whether nothing of it is done at the moment.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        match self {
            Self::Threads(running) => running.is_empty(),
            Self::Inline(_) => true,
        }
    }

    /// Waits until nothing of it is done any more: what was begun goes on when nobody waits for it.
    /// Nothing may be begun meanwhile.
    pub async fn wait_until_idle(&self) {
        if let Self::Threads(running) = self {
            running.close();
            running.wait().await;
        }
    }

    /// Does `work`; a panic in it on another thread is told in words.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        match self {
            Self::Threads(running) => match running.spawn_blocking(work).await {
                Ok(done) => Ok(done),
                // The runtime ends, and whoever asked with it: that says nothing of the work.
                Err(ended) if ended.is_cancelled() => pending().await,
                Err(panicked) => Err(format!("an internal failure: {panicked}")),
            },
            Self::Inline(simulation_hook) => {
                simulation_hook().await;
                let done = work();
                simulation_hook().await;
                Ok(done)
            }
        }
    }
}

impl fmt::Debug for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threads(_) => "Threads",
            Self::Inline(_) => "Inline",
        })
    }
}
