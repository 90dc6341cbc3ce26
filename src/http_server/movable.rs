//! A server that a reload can move to another address.

use std::{
    convert::Infallible,
    fmt::Display,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::task::JoinHandle;
use tracing::warn;

/// Serves one address until it is dropped; open connections end with it.
#[derive(Debug, Default)]
pub(crate) struct MovableServer(Mutex<Option<Serving>>);

/// The task that serves an address.
#[derive(Debug)]
struct Serving {
    listen: SocketAddr,
    task: JoinHandle<Infallible>,
}

impl Serving {
    /// Stops it, and returns the address once it is free.
    async fn stop(mut self) -> SocketAddr {
        self.task.abort();
        let _aborted = (&mut self.task).await;
        self.listen
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MovableServer {
    /// Serves at `listen` from now on, and nowhere else; `open` starts to serve an address. The same address is served
    /// without a break. After a failure, the earlier address is served again.
    pub(crate) async fn move_to<E: Display>(
        &self,
        listen: Option<SocketAddr>,
        open: impl AsyncFn(SocketAddr) -> Result<JoinHandle<Infallible>, E>,
    ) -> Result<(), E> {
        let before = {
            let mut serving = self.serving();
            if serving.as_ref().map(|serving| serving.listen) == listen {
                return Ok(());
            }
            serving.take()
        };
        // The new address may be the same port of another interface, so the old one is freed first.
        let before = match before {
            Some(serving) => Some(serving.stop().await),
            None => None,
        };
        let moved = self.serve_at(listen, &open).await;
        if moved.is_err()
            && let Err(lost) = self.serve_at(before, &open).await
        {
            warn!("{lost}");
        }
        moved
    }

    async fn serve_at<E>(
        &self,
        listen: Option<SocketAddr>,
        open: &impl AsyncFn(SocketAddr) -> Result<JoinHandle<Infallible>, E>,
    ) -> Result<(), E> {
        if let Some(listen) = listen {
            let task = open(listen).await?;
            *self.serving() = Some(Serving { listen, task });
        }
        Ok(())
    }

    fn serving(&self) -> MutexGuard<'_, Option<Serving>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
