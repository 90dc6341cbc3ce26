//! The simulator on a socket: start, clock, control, stop.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    callbacks,
    config::SimConfig,
    connection::{ConnectionCutter, CuttableListener},
    delayed::DelayedRequests,
    ledger::Ledger,
    media_folder::MediaFolder,
    routes,
    rules::Sim,
};

/// How long answers that are under way are waited for when it stops.
const DRAIN: Duration = Duration::from_secs(1);

/// A running simulator. Dropping it stops it.
#[derive(Debug)]
pub struct SimServer {
    shared: Arc<Shared>,
    addr: SocketAddr,
    serving: JoinHandle<()>,
}

/// What every request sees.
#[derive(Debug)]
pub(super) struct Shared {
    sim: Mutex<Sim>,
    pub(super) base_url: String,
    pub(super) folder: MediaFolder,
    /// Something may have happened that a callback is due for.
    pub(super) changed: Notify,
    pub(super) stop: CancellationToken,
    /// Create requests that are delivered late.
    pub(super) kept: DelayedRequests,
    clock: SimClock,
}

/// Time that never goes back: the wall clock at the start, the monotonic one from there.
#[derive(Debug)]
struct SimClock {
    began_at_ms: i64,
    began: Instant,
    ahead_ms: AtomicI64,
}

impl SimClock {
    fn start(ahead_ms: i64) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            began_at_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX / 2),
            began: Instant::now(),
            ahead_ms: AtomicI64::new(ahead_ms),
        }
    }

    fn now_ms(&self) -> i64 {
        let elapsed_ms = i64::try_from(self.began.elapsed().as_millis()).unwrap_or_default();
        self.began_at_ms + elapsed_ms + self.ahead_ms.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// The rules. A panic while they were held would be a mistake of theirs, not a reason to stop.
    pub(super) fn sim(&self) -> MutexGuard<'_, Sim> {
        self.sim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(super) fn ledger(&self) -> Ledger {
        let now_ms = self.now_ms();
        self.sim().ledger(now_ms)
    }
}

impl SimServer {
    /// Starts a simulator on this address (port 0: any free one).
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(config: SimConfig, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let base_url =
            config.public_url.clone().unwrap_or_else(|| format!("http://{}", reachable(addr)));
        let base_url = base_url.trim_end_matches('/').to_owned();
        let client = callbacks::client().map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            base_url: base_url.clone(),
            folder: MediaFolder { dir: config.media_dir.clone(), probe: config.probe },
            changed: Notify::new(),
            stop: CancellationToken::new(),
            kept: DelayedRequests::default(),
            clock: SimClock::start(config.clock_offset_ms),
            sim: Mutex::new(Sim::new(config, &base_url)),
        });
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

    /// The account as it stands.
    pub fn ledger(&self) -> Ledger {
        self.shared.ledger()
    }

    /// The simulator's time.
    pub fn now_ms(&self) -> i64 {
        self.shared.now_ms()
    }

    /// Works on the rules directly: settings, faults. No request is answered meanwhile.
    pub fn control<R>(&self, change: impl FnOnce(&mut Sim) -> R) -> R {
        let done = change(&mut self.shared.sim());
        self.shared.changed.notify_one();
        done
    }

    /// Lets the simulator's clock jump ahead: tasks end, sessions expire, results are deleted.
    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or_default();
        self.shared.clock.ahead_ms.fetch_add(by_ms, Ordering::Relaxed);
        self.shared.changed.notify_one();
    }

    /// How many create requests are kept and not delivered yet (see [`Fault::DeliverLate`](super::Fault)).
    pub fn kept(&self) -> usize {
        self.shared.kept.count()
    }

    /// Delivers the create requests that are kept: each at once, or as soon as its client has given up.
    pub fn deliver_kept(&self) {
        self.shared.kept.release();
    }

    /// Ends when the server has been told to stop.
    pub async fn wait(&self) {
        self.shared.stop.cancelled().await;
    }

    /// Tells the server to stop, from wherever it is shared.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// Stops: takes no more connections, gives what is being answered a second, and ends.
    pub async fn shutdown(mut self) {
        self.shared.stop.cancel();
        // Whatever is still held back after that (a `hang`, say) is abandoned.
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

/// The address that a client on this machine uses: a wildcard is no destination.
fn reachable(addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), addr.port());
    }
    addr
}
