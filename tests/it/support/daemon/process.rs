//! The binary: commands that run to their end, and the daemon.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    process::{Command, ExitStatus, Output, Stdio},
    thread::sleep,
    time::Instant,
};

use super::{DEADLINE, POLL_INTERVAL, TestEnv};

/// The credentials that every simulator accepts.
const KEYS: [(&str, &str); 2] =
    [("KLING_ACCESS_KEY", "sim-access-key"), ("KLING_SECRET_KEY", "sim-secret-key")];

/// The deliberate mistake that this copy of the source makes, for the binary's environment: see tests/mistakes.sh.
fn mistake() -> Option<(&'static str, std::ffi::OsString)> {
    std::env::var_os("MISTAKE").map(|name| ("MISTAKE", name))
}

impl TestEnv {
    /// The binary with the configuration of this environment, and nothing else in its environment but the keys.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_with("lipsyncd.yaml", arguments)
    }

    /// The same with another configuration file.
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

    /// Starts the daemon without root's right to read all files, and waits for nothing.
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

    /// Starts the daemon by this command, and waits for nothing.
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
    pub fn wait_until_ended(&mut self) -> ExitStatus {
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
            sleep(POLL_INTERVAL);
        }
    }

    pub fn log(&self) -> String {
        fs::read(self.path("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }
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
