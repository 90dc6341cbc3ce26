//! The real binary in a folder of its own, against a simulated API in the test's process.
//!
//! Scenarios wait for what the views of the state database show, as a user would read it. Nothing here sleeps for a
//! guessed time, and nothing asserts how fast something is.

mod checks;
mod folder;
mod process;
mod views;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Child,
    time::Duration,
};

use lipsyncd::sim::{Ledger, SimConfig, SimServer};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub use super::sim::{quick, slow};
pub(crate) use crate::testing::media::clip;
pub use checks::assert_complete;
pub use process::{Ran, is_root};

/// Nothing in a scenario takes longer, even on a slow machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two checks of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(15);

/// A video and an audio file that the simulator makes up.
pub const JOB: &str = "video: https://cdn.example.com/v.mp4?duration_ms=9000\n\
                       audio: https://cdn.example.com/a.mp3?duration_ms=5000\n\
                       sound_end_time: 4s\n";

/// The same with a video of its own: a request like no other.
pub fn job_of(name: &str) -> String {
    JOB.replace("/v.mp4", &format!("/{name}.mp4"))
}

/// `kling.request_timeout`, `kling.create_settle` (always longer), and `retry.give_up_after`.
pub struct Timeouts {
    pub request: &'static str,
    pub settle: &'static str,
    pub give_up: &'static str,
}

/// No request runs into its timeout, not even on a slow machine.
pub const STEADY: Timeouts = Timeouts { request: "10s", settle: "11s", give_up: "24h" };
/// For scenarios in which create requests get lost: they are soon sent again. On a slow machine a request may run into
/// its timeout.
pub const BRISK: Timeouts = Timeouts { request: "600ms", settle: "800ms", give_up: "24h" };

/// Folders, a configuration, a simulated API, and the daemon while it runs.
pub struct TestEnv {
    pub dir: TempDir,
    pub sim: SimServer,
    runtime: Runtime,
    daemon: Option<Child>,
}

impl TestEnv {
    pub fn new(config: SimConfig) -> Self {
        Self::with(config, 5, "")
    }

    /// `more` is added to the configuration.
    pub fn with(config: SimConfig, slots: u32, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["jobs", "media"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let config = SimConfig { media_dir: Some(dir.path().join("media")), ..config };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let sim = runtime.block_on(SimServer::start(config, address)).unwrap();
        let test_env = Self { dir, sim, runtime, daemon: None };
        test_env.configure(slots, more);
        test_env
    }

    pub fn configure(&self, slots: u32, more: &str) {
        self.configure_with(&STEADY, slots, more);
    }

    pub fn configure_with(&self, timeouts: &Timeouts, slots: u32, more: &str) {
        let Timeouts { request, settle, give_up } = timeouts;
        let text = format!(
            "kling: {{ base_url: \"{}\", create_settle: {settle}, request_timeout: {request} }}\n\
             watch: {{ settle: 150ms, media_settle: 150ms, rescan_interval: 500ms }}\n\
             limits: {{ concurrency: {slots}, identify_per_second: 200, create_per_second: 200, \
             query_per_second: 200 }}\n\
             poll: {{ min_interval: 20ms, max_interval: 200ms }}\n\
             retry: {{ initial: 50ms, max: 500ms, give_up_after: {give_up} }}\n{more}",
            self.sim.base_url()
        );
        fs::write(self.path("lipsyncd.yaml"), text).unwrap();
    }

    /// Starts another simulated API beside the environment's own.
    pub fn start_sim(&self, config: SimConfig) -> SimServer {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        self.runtime.block_on(SimServer::start(config, address)).unwrap()
    }

    /// Sets `kling.base_url`.
    pub fn set_base_url(&self, base_url: &str) {
        let path = self.path("lipsyncd.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once("base_url: \"").unwrap();
        let (_, after) = rest.split_once('"').unwrap();
        fs::write(path, format!("{before}base_url: \"{base_url}\"{after}")).unwrap();
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Lets the simulator's clock jump, if any task runs, so that all tasks in progress end. Jumps without need would
    /// make the tokens of a slow machine expire.
    pub fn finish_tasks(&self) {
        if self.ledger().tasks.iter().any(|task| task.ended_at_ms.is_none()) {
            self.sim.advance(Duration::from_secs(601));
        }
    }

    pub fn ledger(&self) -> Ledger {
        self.sim.ledger()
    }

    /// Runs a future on the simulator's runtime.
    pub fn spawn_on_runtime(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }
}
