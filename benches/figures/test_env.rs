//! A folder with a configuration, the real binary in it, and a simulated account.
//!
//! Measures from outside: time, CPU time, memory, bytes on disk. A wait that takes too long fails the bench.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use lipsyncd::sim::{SimConfig, SimServer};
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::{Builder, Runtime};

use crate::{
    calls, folders,
    process::{self, DEADLINE, Run},
};

/// The credentials that every simulator accepts.
pub const KEYS: [(&str, &str); 2] =
    [("KLING_ACCESS_KEY", "sim-access-key"), ("KLING_SECRET_KEY", "sim-secret-key")];

/// The folder, the daemon and the simulator.
pub struct TestEnv {
    pub dir: PathBuf,
    pub sim: SimServer,
    _runtime: Runtime,
    daemon: Option<Child>,
}

/// An account that limits nothing but tasks at once.
pub fn account(slots: usize, task_ms: (i64, i64)) -> SimConfig {
    SimConfig {
        concurrency: slots,
        identify_per_second: None,
        create_per_second: None,
        task_ms,
        ..SimConfig::default()
    }
}

impl TestEnv {
    /// `settings` are lines of the configuration.
    pub fn new(account: SimConfig, settings: &str) -> Self {
        let dir = folders::make("daemon");
        fs::create_dir(dir.join("jobs")).unwrap();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let sim = runtime.block_on(SimServer::start(account, address)).unwrap();
        let test_env = Self { dir, sim, _runtime: runtime, daemon: None };
        test_env.configure(settings);
        test_env
    }

    pub fn configure(&self, settings: &str) {
        let text = format!("kling: {{ base_url: \"{}\" }}\n{settings}", self.sim.base_url());
        fs::write(self.path("lipsyncd.yaml"), text).unwrap();
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.join(relative)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lipsyncd"));
        command.env_clear().envs(KEYS).current_dir(&self.dir).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    pub fn start(&mut self, arguments: &[&str]) {
        let log = File::options().append(true).create(true).open(self.path("log")).unwrap();
        let mut command = self.command(arguments);
        command.env("RUST_LOG", "lipsyncd=info,lipsyncd::inbox=debug").env("NO_COLOR", "1");
        self.daemon = Some(command.stderr(log).spawn().unwrap());
    }

    pub fn kill(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// Runs the daemon until all jobs are done.
    pub fn run_once(&mut self) -> Run {
        let began = Instant::now();
        self.start(&["run", "--once"]);
        let ended = process::end(self.daemon.take().unwrap());
        let cpu = ended.unwrap_or_else(|why| panic!("the daemon: {why}\n{}", self.log()));
        Run { took: began.elapsed(), cpu }
    }

    fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    /// Returns the CPU time of the daemon.
    pub fn cpu_time(&self) -> Duration {
        process::cpu_time(self.pid())
    }

    /// Returns the peak memory of the daemon, in MB.
    pub fn memory_peak_mb(&self) -> f64 {
        process::memory_peak_mb(self.pid())
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !condition(self) {
            let log = || self.log().lines().rev().take(20).collect::<Vec<_>>().join("\n");
            assert!(began.elapsed() < DEADLINE, "{what} did not happen in time; log:\n{}", log());
            sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the daemon has read the folder; `log` is where its log begins.
    pub fn until_scanned(&self, log: usize) {
        let scanned = |test_env: &Self| test_env.log()[log..].contains("the folder has been read");
        self.until("the scan", scanned);
    }

    /// Waits until so many jobs are in the database.
    pub fn until_accepted(&self, jobs: usize) {
        const NEWEST: &str = "SELECT coalesce(max(id), 0) FROM job";
        self.until("the database", |test_env| {
            test_env.path("lipsyncd.db").exists() && test_env.database().prepare(NEWEST).is_ok()
        });
        let database = self.database();
        let mut newest = database.prepare(NEWEST).unwrap();
        let jobs = i64::try_from(jobs).unwrap();
        self.until("all jobs", |_| {
            newest.query_row([], |row| row.get::<_, i64>(0)).is_ok_and(|newest| newest >= jobs)
        });
    }

    /// Waits until so many jobs have succeeded.
    pub fn until_succeeded(&self, jobs: usize) {
        let database = self.database();
        self.until("the jobs", |_| succeeded(&database) >= jobs);
    }

    /// Returns how many jobs have succeeded.
    pub fn succeeded(&self) -> usize {
        succeeded(&self.database())
    }

    pub fn database(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(self.path("lipsyncd.db"), flags).unwrap();
        database.busy_timeout(DEADLINE).unwrap();
        database
    }

    /// Returns the size of the database after a checkpoint.
    pub fn database_bytes(&self) -> u64 {
        let path = self.path("lipsyncd.db");
        let database = Connection::open(&path).unwrap();
        database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        fs::metadata(path).unwrap().len()
    }

    /// Returns the number of API calls of all kinds.
    pub fn calls(&self) -> u64 {
        calls::all(&self.sim.ledger())
    }
}

fn succeeded(database: &Connection) -> usize {
    let mut count =
        database.prepare_cached("SELECT jobs FROM state WHERE name = 'succeeded'").unwrap();
    count.query_row([], |row| row.get(0)).unwrap()
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}
