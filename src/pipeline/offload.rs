//! Where work that blocks is done: reading media, writing results.

use std::fmt;

use tokio::task::spawn_blocking;

use crate::store::Interlude;

/// Where work that blocks is done.
#[derive(Clone)]
pub enum Offload {
    /// On a thread that may block.
    Threads,
    /// Where it is asked for, between two interludes: for a simulation, whose clock must not run ahead
    /// of a thread that it does not know of.
    Here(Interlude),
}

impl Offload {
    /// Does `work`; a panic in it on another thread is told in words.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        match self {
            Self::Threads => spawn_blocking(work)
                .await
                .map_err(|panicked| format!("an internal failure: {panicked}")),
            Self::Here(interlude) => {
                interlude().await;
                let done = work();
                interlude().await;
                Ok(done)
            }
        }
    }
}

impl fmt::Debug for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threads => "Threads",
            Self::Here(_) => "Here",
        })
    }
}
