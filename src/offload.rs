//! Where blocking work is done: scanning the folder, reading media, writing results.

use std::{fmt, future::pending, sync::Arc};

use futures_util::future::{BoxFuture, Either};
use tokio_util::task::TaskTracker;

/// Awaited before and after each piece of blocking work in a simulation. After a simulated crash it never returns.
pub type SimulationHook = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Where blocking work is done.
#[derive(Clone)]
pub enum Offload {
    /// On a thread that may block. The tracker counts the work, because its caller may be gone before it is done.
    Threads(TaskTracker),
    /// In the caller's task, between two calls of the hook. For a simulation, whose clock must not run ahead of a thread
    /// that it does not know.
    Inline(SimulationHook),
}

impl Offload {
    /// Returns an offload to threads that may block.
    pub fn threads() -> Self {
        Self::Threads(TaskTracker::new())
    }

    /// Whether no work is in progress.
    pub fn is_idle(&self) -> bool {
        match self {
            Self::Threads(running) => running.is_empty(),
            Self::Inline(_) => true,
        }
    }

    /// Waits until no work is in progress: work continues when its caller is gone. No work may be started during the
    /// wait.
    pub async fn wait_until_idle(&self) {
        if let Self::Threads(running) = self {
            running.close();
            running.wait().await;
        }
    }

    /// Does `work`. A panic on another thread is returned as a message.
    // Not an async function: its future would keep the space of `work` in each step.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Result<T, String>> + Send {
        match self {
            Self::Threads(running) => {
                let running = running.spawn_blocking(work);
                Either::Left(async {
                    match running.await {
                        Ok(done) => Ok(done),
                        // The runtime ends, and the caller with it.
                        Err(ended) if ended.is_cancelled() => pending().await,
                        Err(panicked) => Err(format!("internal error: {panicked}")),
                    }
                })
            }
            Self::Inline(simulation_hook) => Either::Right(Box::pin(async {
                simulation_hook().await;
                let done = work();
                simulation_hook().await;
                Ok(done)
            })),
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
