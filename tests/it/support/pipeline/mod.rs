//! The pipeline in the test's process, with a database on disk, an output folder and a simulated API over HTTP.

mod jobs;
mod results;
mod state;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lipsyncd::{
    job::{Account, Moment, Policy},
    kling::{Client, ClientConfig, Credential},
    media::Locator,
    metrics::Metrics,
    pipeline::{Clock, End, Heartbeat, Offload, Pipeline, RateSettings, Settings, Until},
    sim::{Endpoint, FaultRule, Ledger, SimConfig, SimServer},
    store::{Store, StoreError},
};
use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::sim::refusal;
pub use jobs::{hashed, many, wanted, with};

/// Nothing in a scenario takes longer.
const DEADLINE: Duration = Duration::from_secs(30);

/// The account that tests use.
pub fn account() -> Account {
    Account { host: "host".to_owned(), key: "key".to_owned() }
}

/// The environment of a scenario. `settings` may be changed before the pipeline runs.
pub struct TestEnv {
    pub sim: SimServer,
    pub store: Store,
    pub settings: Settings,
    pub request_timeout: Duration,
    pub ahead_ms: Arc<AtomicI64>,
    pub dir: tempfile::TempDir,
}

impl TestEnv {
    /// The simulator serves and reads the files of the folder of manifests, too.
    pub async fn new(config: SimConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let jobs_dir = dir.path().join("jobs");
        fs::create_dir(&jobs_dir).unwrap();
        fs::create_dir(dir.path().join("output")).unwrap();
        let config = SimConfig { media_dir: Some(jobs_dir.clone()), ..config };
        let sim = SimServer::start(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let store = Store::open(&dir.path().join("lipsyncd.db")).unwrap();
        let settings = settings(dir.path().join("output"), jobs_dir);
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let request_timeout = Duration::from_secs(10);
        Self { sim: sim.unwrap(), store, settings, request_timeout, ahead_ms, dir }
    }

    pub fn client(&self) -> Client {
        let (access_key, secret_key) = ("sim-access-key".into(), "sim-secret-key".to_owned());
        let config = ClientConfig {
            base_url: self.sim.base_url().parse().unwrap(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: self.request_timeout,
            idle_timeout: Duration::from_secs(5),
            allow_hosts: Vec::new(),
            now_ms: wall_ms,
        };
        let secret_key = secret_key.into();
        Client::new(config, Credential::Keys { access_key, secret_key }).unwrap()
    }

    pub fn clock(&self) -> Clock {
        let ahead_ms = Arc::clone(&self.ahead_ms);
        Clock::new(move || wall_ms() + ahead_ms.load(Ordering::Relaxed), 7)
    }

    /// Sets the pipeline's wall clock ahead of the real time. The monotonic clock does not change.
    pub fn set_ahead(&self, ms: i64) {
        self.ahead_ms.store(ms, Ordering::Relaxed);
    }

    /// The pipeline's wall clock.
    pub fn now_ms(&self) -> i64 {
        self.clock().now_ms()
    }

    pub fn moment(&self) -> Moment {
        Moment { now_ms: self.now_ms(), chance: 0.5 }
    }

    /// Ends all faults of the simulator.
    pub fn clear_faults(&self) {
        self.sim.control(lipsyncd::sim::Sim::clear_faults);
    }

    /// Adds a fault to the simulator.
    pub fn fault(&self, rule: FaultRule) {
        self.sim.control(|sim| sim.add_fault(rule));
    }

    /// The next call of this kind is refused with this code.
    pub fn refuse_once(&self, call: Endpoint, code: u16) {
        self.fault(FaultRule::once(call, refusal(code)));
    }

    pub async fn pipeline(&self) -> Pipeline<Client> {
        let (store, settings) = (self.store.clone(), self.settings.clone());
        Pipeline::new(self.client(), store, self.clock(), settings).await.unwrap()
    }

    /// Runs the pipeline until it is idle.
    pub async fn run(&self) -> End {
        let (nudge, stop, more) = (Arc::default(), CancellationToken::new(), Arc::default());
        let running = self.pipeline().await.run(nudge, stop, Until::Idle, more, Heartbeat::NONE);
        match timeout(DEADLINE, running).await {
            Ok(end) => end.unwrap(),
            Err(_) => panic!("not idle in time: {}", self.describe_jobs().await),
        }
    }

    /// Starts the pipeline.
    pub async fn start(&self) -> Running {
        let (nudge, stop) = (Arc::<Notify>::default(), CancellationToken::new());
        let more = Arc::new(AtomicBool::new(true));
        let running = self.pipeline().await.run(
            Arc::clone(&nudge),
            stop.clone(),
            Until::Stopped,
            more,
            Heartbeat::NONE,
        );
        Running { nudge, stop, task: tokio::spawn(running) }
    }

    pub fn ledger(&self) -> Ledger {
        self.sim.ledger()
    }

    pub fn output(&self, path: &str) -> PathBuf {
        self.settings.output_dir.join(path)
    }
}

/// A running pipeline. Dropping it ends it as a crash would.
pub struct Running {
    pub nudge: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<Result<End, StoreError>>,
}

impl Running {
    /// Reports that the database holds something new, or that the clock was set.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    pub async fn stop(mut self) -> End {
        self.stop.cancel();
        timeout(DEADLINE, &mut self.task).await.unwrap().unwrap().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Unix time of this machine.
pub fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn settings(output_dir: PathBuf, jobs_dir: PathBuf) -> Settings {
    let (per_second, hours) = (1_000.0, 3_600_000);
    Settings {
        account: account(),
        policy: Policy {
            retry_initial_ms: 20,
            retry_max_ms: 200,
            give_up_after_ms: 24 * hours,
            // The configuration refuses less than `request_timeout`; here no request arrives late.
            create_settle_ms: 150,
        },
        session_ttl_ms: 23 * hours,
        slots: 5,
        rate: RateSettings {
            identify_per_second: per_second,
            create_per_second: per_second,
            query_per_second: per_second,
        },
        caps: Default::default(),
        assumed_prices: Default::default(),
        poll_min_ms: 20,
        poll_max_ms: 100,
        probe_interval_ms: 100,
        downloads: 4,
        download_bytes_max: 1 << 31,
        output_dir,
        locator: Locator { jobs_dir, media_dirs: Vec::new() },
        uploads: None,
        video_links: None,
        uploads_at_once: 2,
        offload: Offload::threads(),
        is_scanned: Arc::new(AtomicBool::new(true)),
        metrics: Metrics::new(),
    }
}
