//! A folder with a configuration, the real binary in it, and a simulated account.
//!
//! Measures from outside: time, CPU time, memory, bytes on disk. A wait that takes too long fails the bench.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use lipsyncd::sim::{SimConfig, SimServer};
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::{Builder, Runtime};

use crate::folders;

/// The credentials that every simulator accepts.
const KEYS: [(&str, &str); 2] =
    [("KLING_ACCESS_KEY", "sim-access-key"), ("KLING_SECRET_KEY", "sim-secret-key")];
/// Nothing that is measured takes longer.
const DEADLINE: Duration = Duration::from_secs(600);
/// Jobs of one manifest.
const JOBS_A_MANIFEST: usize = 1_000;
/// `/proc` counts in these.
const TICKS_A_SECOND: f64 = 100.0;

/// The folder, the daemon and the simulator.
pub struct TestEnv {
    dir: PathBuf,
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

    /// Drops `jobs` jobs into the folder at once, in manifests of a thousand.
    pub fn drop_jobs(&self, jobs: usize) {
        self.drop_manifests("batch", jobs.div_ceil(JOBS_A_MANIFEST), JOBS_A_MANIFEST.min(jobs));
    }

    /// Drops a folder of manifests of so many jobs each into the folder at once.
    pub fn drop_manifests(&self, name: &str, manifests: usize, jobs_each: usize) {
        let made = self.path(name);
        for manifest in 0..manifests {
            let folder = made.join((manifest / 1_000).to_string());
            fs::create_dir_all(&folder).unwrap();
            let jobs = manifest * jobs_each..(manifest + 1) * jobs_each;
            fs::write(folder.join(format!("m{manifest}.yaml")), text(name, jobs)).unwrap();
        }
        fs::rename(&made, self.path("jobs").join(name)).unwrap();
    }

    /// Makes the manifests old, so that they have settled.
    pub fn age_manifests(&self) {
        let long_ago = SystemTime::now() - Duration::from_secs(3_600);
        for path in files_under(&self.path("jobs")) {
            File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        }
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

    /// Waits until the daemon has ended with all jobs done. Returns its CPU time.
    pub fn end(&mut self) -> Duration {
        let mut daemon = self.daemon.take().unwrap();
        let began = Instant::now();
        // A process that has ended is still in `/proc` until it is waited for.
        while !fs::read_to_string(format!("/proc/{}/stat", daemon.id())).unwrap().contains(") Z ") {
            assert!(began.elapsed() < DEADLINE, "the daemon does not end:\n{}", self.log());
            sleep(Duration::from_millis(2));
        }
        let used = cpu_time(daemon.id());
        let status = daemon.wait().unwrap();
        assert!(status.success(), "{status}:\n{}", self.log());
        used
    }

    fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    /// Returns the CPU time of the daemon.
    pub fn cpu_time(&self) -> Duration {
        cpu_time(self.pid())
    }

    /// Returns the peak memory of the daemon, in MB.
    pub fn memory_peak_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib * 1_024.0 / 1e6
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

    /// Waits until so many jobs are in the database.
    pub fn until_accepted(&self, jobs: usize) {
        self.until("the database", |test_env| test_env.path("lipsyncd.db").exists());
        let database = self.database();
        let mut newest = database.prepare("SELECT coalesce(max(id), 0) FROM job").unwrap();
        let jobs = i64::try_from(jobs).unwrap();
        self.until("all jobs", |_| {
            newest.query_row([], |row| row.get::<_, i64>(0)).is_ok_and(|newest| newest >= jobs)
        });
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
        let count = |call: &lipsyncd::sim::EndpointCount| {
            call.accepted + call.refused.values().sum::<u64>()
        };
        self.sim.ledger().calls.values().map(count).sum()
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// Returns a batch of jobs, each with its own video and audio, which the simulator makes up.
fn text(name: &str, jobs: impl Iterator<Item = usize>) -> String {
    let mut text = "defaults:\n  sound_end_time: 4s\njobs:\n".to_owned();
    for job in jobs {
        write!(
            text,
            "  - id: j{job}\n    video: https://cdn.example.com/{name}{job}.mp4?duration_ms=9000\n    \
             audio: https://cdn.example.com/{name}{job}.mp3?duration_ms=5000\n"
        )
        .unwrap();
    }
    text
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().collect::<io::Result<Vec<_>>>().unwrap();
    let (folders, files): (Vec<_>, Vec<_>) =
        entries.iter().map(fs::DirEntry::path).partition(|path| path.is_dir());
    folders.iter().flat_map(|folder| files_under(folder)).chain(files).collect()
}

fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name, in parentheses, may hold spaces; user and system time are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let field = |place: usize| -> f64 { fields.split(' ').nth(place).unwrap().parse().unwrap() };
    Duration::from_secs_f64((field(11) + field(12)) / TICKS_A_SECOND)
}
