//! Create requests that the network delays, and delivers after the client gave up.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::{runtime::Handle, sync::watch, time::sleep};

use super::{
    connection::ConnectionCutter,
    faults::ClientSees,
    inject::{of, page},
    response::SimResponse,
    rules::Sim,
    shared::Shared,
};

type Run = Box<dyn FnOnce(&mut Sim, i64) -> SimResponse + Send>;

/// A delayed request. The wait for its delivery starts when this is dropped: with the answer, or with the connection
/// of a client that gave up.
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
    // The client is gone.
    let _unread = run(&mut sim, now_ms);
    // While the rules are locked: a count of 0 means that the task is in the ledger.
    shared.kept.fetch_sub(1, Ordering::AcqRel);
    drop(sim);
    shared.changed.notify_one();
}

/// Delivers a create request `wait` after the client gave up.
pub(super) async fn keep(
    shared: Arc<Shared>,
    scissors: &ConnectionCutter,
    wait: Duration,
    sees: ClientSees,
    run: impl FnOnce(&mut Sim, i64) -> SimResponse + Send + 'static,
) -> Response {
    shared.kept.fetch_add(1, Ordering::AcqRel);
    let released = shared.release.subscribe();
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
