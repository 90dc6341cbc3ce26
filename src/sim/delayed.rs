//! Create requests that something on the way keeps, and delivers after the client gave up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::{runtime::Handle, sync::watch, time::sleep};

use super::{
    connection::ConnectionCutter,
    inject::{of, page},
    response::SimResponse,
    rules::Sim,
    server::Shared,
};

/// What the client sees of a create request that is delivered late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientSees {
    /// The connection is closed without an answer, so long after the request came.
    Broken {
        /// In milliseconds.
        after_ms: u64,
    },
    /// An HTML page of a proxy, so long after the request came.
    Page {
        /// For example 504.
        status: u16,
        /// In milliseconds.
        after_ms: u64,
    },
    /// Nothing, until the client closes the connection.
    Nothing,
}

/// The requests that are kept, and the way to deliver them at once.
#[derive(Debug)]
pub(super) struct DelayedRequests {
    count: AtomicUsize,
    release: watch::Sender<()>,
}

impl Default for DelayedRequests {
    fn default() -> Self {
        Self { count: AtomicUsize::new(0), release: watch::Sender::new(()) }
    }
}

impl DelayedRequests {
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) fn release(&self) {
        self.release.send_replace(());
    }
}

type Run = Box<dyn FnOnce(&mut Sim, i64) -> SimResponse + Send>;

/// A request that is kept. The wait for its delivery begins when this is dropped: with the answer, or with the
/// connection of a client that gave up.
struct DelayedRequest {
    shared: Arc<Shared>,
    run: Option<Run>,
    wait: Duration,
    released: watch::Receiver<()>,
}

impl Drop for DelayedRequest {
    fn drop(&mut self) {
        let (Some(run), Ok(runtime)) = (self.run.take(), Handle::try_current()) else {
            return;
        };
        let (shared, wait, mut released) =
            (Arc::clone(&self.shared), self.wait, self.released.clone());
        runtime.spawn(async move {
            tokio::select! {
                () = sleep(wait) => {}
                _ = released.changed() => {}
                () = shared.stop.cancelled() => return,
            }
            deliver(&shared, run);
        });
    }
}

fn deliver(shared: &Shared, run: Run) {
    let now_ms = shared.now_ms();
    let mut sim = shared.sim();
    // Nobody is left to read the answer.
    let _unread = run(&mut sim, now_ms);
    // Before the rules are let go: a count of 0 means that the task is in the ledger.
    shared.kept.count.fetch_sub(1, Ordering::AcqRel);
    drop(sim);
    shared.changed.notify_one();
}

/// Keeps a create request for `wait` after the client gave up.
pub(super) async fn keep(
    shared: Arc<Shared>,
    scissors: &ConnectionCutter,
    wait: Duration,
    sees: ClientSees,
    run: impl FnOnce(&mut Sim, i64) -> SimResponse + Send + 'static,
) -> Response {
    shared.kept.count.fetch_add(1, Ordering::AcqRel);
    let released = shared.kept.release.subscribe();
    let _kept = DelayedRequest { shared, run: Some(Box::new(run)), wait, released };
    match sees {
        ClientSees::Broken { after_ms } => {
            sleep(Duration::from_millis(after_ms)).await;
            scissors.cut();
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        ClientSees::Page { status, after_ms } => {
            sleep(Duration::from_millis(after_ms)).await;
            page(of(status))
        }
        ClientSees::Nothing => std::future::pending().await,
    }
}
