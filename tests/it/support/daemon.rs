//! The real binary in a folder of its own, against a simulated API in the test's process.
//!
//! What a scenario waits for it reads from the views of the state database, as a user would; nothing
//! here sleeps for a guessed time, and nothing asserts how fast something is.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use lipsyncd::{
    media::video::check_complete,
    sim::{Ledger, SimConfig, SimServer},
};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::views::Row;

/// Nothing in a scenario takes longer, even on a slow machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks at the same thing.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// The credentials that every simulator takes.
const KEYS: [(&str, &str); 2] =
    [("KLING_ACCESS_KEY", "sim-access-key"), ("KLING_SECRET_KEY", "sim-secret-key")];

/// A video and an audio file that the simulator makes up.
pub const JOB: &str = "video: https://cdn.example.com/v.mp4?duration_ms=9000\n\
                       audio: https://cdn.example.com/a.mp3?duration_ms=5000\n\
                       sound_end_time: 4s\n";

/// The same with a video of its own: a request like no other.
pub fn job_of(name: &str) -> String {
    JOB.replace("/v.mp4", &format!("/{name}.mp4"))
}

/// A simulated account that is fast.
pub fn quick() -> SimConfig {
    SimConfig {
        task_ms: (50, 200),
        identify_per_second: None,
        create_per_second: None,
        ..SimConfig::default()
    }
}

/// A simulated account whose tasks run until [`TestEnv::finish_tasks`].
pub fn slow() -> SimConfig {
    SimConfig { task_ms: (600_000, 600_000), ..quick() }
}

/// How long an answer may take, for how long a lost create request must stay unknown (always longer), and for how
/// long lookups may fail.
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

/// The deliberate mistake that a copy of the source makes, if this is one: see tests/mistakes.sh.
fn mistake() -> Option<(&'static str, std::ffi::OsString)> {
    std::env::var_os("MISTAKE").map(|name| ("MISTAKE", name))
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
             watch: {{ settle: 150ms, rescan_interval: 500ms }}\n\
             limits: {{ concurrency: {slots}, identify_per_second: 200, create_per_second: 200, \
             query_per_second: 200 }}\n\
             poll: {{ min_interval: 20ms, max_interval: 200ms }}\n\
             retry: {{ initial: 50ms, max: 500ms, give_up_after: {give_up} }}\n{more}",
            self.sim.base_url()
        );
        fs::write(self.path("lipsyncd.yaml"), text).unwrap();
    }

    /// Another simulated API, beside the test_env's own.
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

    /// Puts a whole file into the folder of manifests at once, as a careful program does.
    pub fn drop_in(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path("jobs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let part = path.with_extension("part");
        fs::write(&part, content).unwrap();
        fs::rename(&part, &path).unwrap();
    }

    /// [`drop_in`](Self::drop_in) of a file that was written long ago: nobody has to wait until it is still.
    pub fn drop_in_old(&self, name: &str, content: impl AsRef<[u8]>) {
        self.drop_in(name, content);
        let file = File::options().write(true).open(self.path("jobs").join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }

    /// Moves something within the folder of manifests.
    pub fn move_in(&self, from: &str, to: &str) {
        let to = self.path("jobs").join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(self.path("jobs").join(from), to).unwrap();
    }

    pub fn take_out(&self, name: &str) {
        fs::remove_file(self.path("jobs").join(name)).unwrap();
    }

    /// The binary with this test_env's configuration, and nothing else in its environment but the keys.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_with("lipsyncd.yaml", arguments)
    }

    /// The same with another file of settings.
    pub fn command_with(&self, config: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lipsyncd"));
        command.env_clear().envs(KEYS).envs(mistake()).current_dir(self.dir.path());
        command.arg("--config").arg(self.path(config)).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// Starts the daemon, and waits until it has read the folder.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// The same with more in its environment.
    pub fn start_with(&mut self, environment: &[(&str, &str)]) {
        let before = self.log().matches("the folder has been read").count();
        self.spawn_with(&["run"], environment);
        self.until("the daemon to read the folder", |test_env| {
            test_env.log().matches("the folder has been read").count() > before
        });
    }

    /// Starts the daemon and waits for nothing.
    pub fn spawn(&mut self) {
        self.spawn_with(&["run"], &[]);
    }

    /// Starts `run`, or `run --once`, with more in its environment, and waits for nothing.
    pub fn spawn_with(&mut self, arguments: &[&str], environment: &[(&str, &str)]) {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        self.spawn_as(command);
    }

    /// Starts it without root's right to read whatever it likes, and waits for nothing.
    pub fn spawn_without_override(&mut self) {
        let plain = self.command(&["run"]);
        if !is_root() {
            return self.spawn_as(plain);
        }
        let mut command = Command::new("setpriv");
        command
            .env_clear()
            .envs(KEYS)
            .envs(mistake())
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        for set in ["--bounding-set", "--inh-caps"] {
            command.args([set, "-dac_override,-dac_read_search"]);
        }
        command.arg(plain.get_program()).args(plain.get_args());
        self.spawn_as(command);
    }

    /// Likewise, by a command that ends up as the daemon.
    pub fn spawn_as(&mut self, mut command: Command) {
        assert!(self.daemon.is_none(), "a daemon runs already");
        let log = File::options().append(true).create(true).open(self.path("log")).unwrap();
        command.env("RUST_LOG", "lipsyncd=debug,warn").env("NO_COLOR", "1");
        self.daemon = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Ends the daemon as a power failure would.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }

    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    /// Sends the daemon a signal by name.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    pub fn is_running(&mut self) -> bool {
        self.daemon.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    /// Waits for the daemon to end by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        let mut daemon = self.daemon.take().unwrap();
        loop {
            if let Some(status) = daemon.try_wait().unwrap() {
                return status;
            }
            if began.elapsed() > DEADLINE {
                daemon.kill().unwrap();
                panic!("the daemon does not end:\n{}", self.log());
            }
            sleep(LOOK_EVERY);
        }
    }

    pub fn log(&self) -> String {
        fs::read(self.path("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Lets the simulator's clock jump, if any task runs: all that run now have ended. (A clock that jumps
    /// for nothing, again and again, overtakes the tokens of a slow machine.)
    pub fn finish_tasks(&self) {
        if self.ledger().tasks.iter().any(|task| task.ended_at_ms.is_none()) {
            self.sim.advance(Duration::from_secs(601));
        }
    }

    pub fn ledger(&self) -> Ledger {
        self.sim.ledger()
    }

    /// Runs something that needs a runtime, beside the simulator.
    pub fn spawn_beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Waits for a condition; says what was waited for when it does not come.
    pub fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !condition(self) {
            assert!(
                began.elapsed() < DEADLINE,
                "waited in vain for {what}; jobs: {:?}; log:\n{}",
                self.states(),
                self.log()
            );
            sleep(LOOK_EVERY);
        }
    }

    pub fn until_state(&self, key: &str, state: &str) -> Row {
        self.until(&format!("{key} to be {state}"), |test_env| test_env.state(key) == state);
        self.job(key).unwrap()
    }

    /// Waits until the daemon has walked the folder twice more: whatever it had to see, it saw.
    pub fn until_looked_again(&self, marker: &str) {
        // A job that comes in later than the change in question is read in a pass after it.
        for turn in ["one", "two"] {
            let name = format!("{marker}-{turn}");
            // Like no other job, or it could be taken for one.
            let job = JOB.replace("/v.mp4", &format!("/{name}.mp4"));
            let text = format!("{job}not_before: 2099-01-01T00:00:00Z\n");
            self.drop_in(&format!("{name}.yaml"), text);
            self.until_state(&name, "waiting");
        }
    }

    /// The result of a job is a whole video.
    pub fn assert_whole(&self, output: &str) {
        let path = self.path("output").join(output);
        assert_whole(&path);
    }

    /// The names of hidden files in a folder: parts, and what is kept beside them.
    pub fn hidden(&self, folder: &str) -> Vec<String> {
        let names = fs::read_dir(self.path(folder)).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect()
    }

    /// Takes the state database for itself, until it is dropped: nobody else may even read.
    pub fn lock_out(&self) -> Connection {
        let other = Connection::open(self.path("lipsyncd.db")).unwrap();
        other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
        other
            .execute_batch("BEGIN EXCLUSIVE; UPDATE daemon_state SET hold = NULL; COMMIT")
            .unwrap();
        other
    }

    /// The state database is whole.
    pub fn assert_integrity(&self) {
        let database = self.database().unwrap();
        let check = database.query_row("PRAGMA integrity_check", [], |row| row.get(0));
        assert_eq!(check, Ok("ok".to_owned()));
    }

    pub fn assert_paid_once(&self) {
        let twice = self.ledger().paid_twice.external_task_ids;
        assert!(twice.is_empty(), "{twice:?}");
    }
}

pub fn assert_whole(path: &Path) {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let bytes = file.metadata().unwrap().len();
    check_complete(file, bytes).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// A command that came to its end.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// One of the clips that the demo packs.
pub fn clip(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/demo/clips");
    fs::read(Path::new(folder).join(name)).unwrap()
}
