//! The simulator on a socket: start, clock, control, stop.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    callbacks,
    config::SimConfig,
    connection::{ConnectionCutter, CuttableListener},
    ledger::Ledger,
    routes,
    rules::Sim,
    shared::Shared,
};

/// How long it waits for answers in progress when it stops.
const DRAIN: Duration = Duration::from_secs(1);

/// A running simulator. Dropping it stops it.
#[derive(Debug)]
pub struct SimServer {
    shared: Arc<Shared>,
    addr: SocketAddr,
    serving: JoinHandle<()>,
}

impl SimServer {
    /// Starts a simulator on this address (port 0: any free one).
    pub async fn start(config: SimConfig, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let base_url =
            config.public_url.clone().unwrap_or_else(|| format!("http://{}", reachable(addr)));
        let base_url = base_url.trim_end_matches('/').to_owned();
        let client = callbacks::client().map_err(io::Error::other)?;
        let shared = Arc::new(Shared::new(config, &base_url));
        tokio::spawn(callbacks::send_all(Arc::clone(&shared), client));
        let serving = tokio::spawn(serve(Arc::clone(&shared), listener));
        Ok(Self { shared, addr, serving })
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What its URLs begin with, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Returns the account now.
    pub fn ledger(&self) -> Ledger {
        self.shared.ledger()
    }

    /// The simulator's time.
    pub fn now_ms(&self) -> i64 {
        self.shared.now_ms()
    }

    /// Changes the rules directly: settings, faults. No request is answered at the same time.
    pub fn control<R>(&self, change: impl FnOnce(&mut Sim) -> R) -> R {
        let done = change(&mut self.shared.sim());
        self.shared.changed.notify_one();
        done
    }

    /// Moves the simulator's clock forward: tasks end, sessions expire, results are deleted.
    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or_default();
        self.shared.ahead_ms.fetch_add(by_ms, Ordering::Relaxed);
        self.shared.changed.notify_one();
    }

    /// How many create requests are delayed and not delivered yet (see [`Fault::DeliverLate`](super::Fault)).
    pub fn kept(&self) -> usize {
        self.shared.kept.load(Ordering::Acquire)
    }

    /// Delivers the delayed create requests: at once, or as soon as the client has given up.
    pub fn deliver_kept(&self) {
        self.shared.release.send_replace(());
    }

    /// Waits until the server is stopped.
    pub async fn wait(&self) {
        self.shared.stop.cancelled().await;
    }

    /// Stops the server.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// Stops: accepts no more connections, and waits a second for answers in progress.
    pub async fn shutdown(mut self) {
        self.shared.stop.cancel();
        // Answers that are still delayed after that (by `hang`) are abandoned.
        let _ = tokio::time::timeout(DRAIN, &mut self.serving).await;
    }
}

impl Drop for SimServer {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.serving.abort();
    }
}

async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    let stop = shared.stop.clone();
    let service = routes::router(shared).into_make_service_with_connect_info::<ConnectionCutter>();
    let serving = axum::serve(CuttableListener(listener), service)
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the simulator's server ended");
    }
    stop.cancel();
}

/// The address for clients on this machine: a wildcard is no destination.
fn reachable(addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), addr.port());
    }
    addr
}
