//! The disk between the daemon and its files (`shim.c`), and a small batch that is worked off on it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::OnceLock,
};

use lipsyncd::sim::{Endpoint, Fault, FaultRule, SimConfig};
use rusqlite::Connection;

use crate::support::daemon::{BRISK, TestEnv, clip, quick};

/// What is done to which kind of file.
pub type Kind = (String, String);

/// Builds the shim, once a process.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/storage/shim.c");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shim.so");
        let fresh = path.with_extension(process::id().to_string());
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&fresh);
        let built = compiler.arg(source).args(["-ldl", "-lpthread"]).status().unwrap();
        assert!(built.success(), "the shim cannot be built");
        fs::rename(&fresh, &path).unwrap();
        path
    })
}

/// A test environment on such a disk, with three jobs: a local audio and a watermark, an interrupted download, and one
/// that shares its task with another.
pub struct DiskTestEnv {
    pub test_env: TestEnv,
}

pub const JOBS: usize = 3;
pub const TASKS: usize = 2;

impl DiskTestEnv {
    pub fn new() -> Self {
        let config = SimConfig {
            task_ms: (10, 30),
            min_result_bytes: 120_000,
            unique_external_ids: false,
            ..quick()
        };
        let test_env = TestEnv::new(config);
        test_env.configure_with(&BRISK, 5, "");
        test_env.sim.control(|sim| {
            let cut = Fault::CutBody { after_bytes: Some(60_000) };
            sim.add_fault(FaultRule::once(Endpoint::Download, cut));
        });
        test_env.drop_in_old("en.mp3", clip("welcome-en.mp3"));
        let video = "video: https://cdn.example.com/v.mp4?duration_ms=9000";
        let jobs = format!(
            "jobs:\n\
             - {{ id: a, {video}, audio: en.mp3, watermark: true }}\n\
             - {{ id: b, {video}, audio: {{ id: sim-audio-1-8000ms }}, sound_end_time: 5s }}\n\
             - {{ id: c, {video}, audio: {{ id: sim-audio-1-8000ms }}, sound_end_time: 5s }}\n"
        );
        test_env.drop_in_old("m.yaml", jobs);
        Self { test_env }
    }

    /// Runs until all is worked off, or it cannot; `more` is for the shim. Returns the exit code, and
    /// what this run said.
    pub fn run_once(&mut self, more: &[(&str, &str)]) -> (Option<i32>, String) {
        let before = self.test_env.log().len();
        let path = |name: &str| self.test_env.path(name).display().to_string();
        let (database, output) = (path("lipsyncd.db"), path("output"));
        let (calls, creates) = (path("calls"), path("creates"));
        let mut environment = vec![
            ("LD_PRELOAD", library().to_str().unwrap()),
            ("SHIM_DATABASE", &database),
            ("SHIM_OUTPUT", &output),
            ("SHIM_CALLS", &calls),
            ("SHIM_CREATES", &creates),
        ];
        environment.extend(more);
        self.test_env.spawn_with(&["run", "--once"], &environment);
        let status = self.test_env.wait_until_ended();
        (status.code(), self.test_env.log().split_off(before))
    }

    /// How often each kind of call was made, and how often it failed.
    pub fn calls(&self) -> BTreeMap<Kind, (usize, usize)> {
        let mut calls: BTreeMap<Kind, (usize, usize)> = BTreeMap::new();
        for line in self.lines("calls") {
            let words: Vec<&str> = line.split(' ').collect();
            let [call, class, end] = words[..] else { panic!("{line}") };
            let count = calls.entry((call.to_owned(), class.to_owned())).or_default();
            count.0 += 1;
            count.1 += usize::from(end == "failed");
        }
        calls
    }

    /// Whether the folder was synced after the last result got its name.
    pub fn names_last(&self) -> bool {
        let lines = self.lines("calls");
        let named = lines.iter().rposition(|line| line == "rename mp4 ok").unwrap();
        lines[named..].iter().any(|line| line == "sync folder ok")
    }

    /// Whether each file was synced before it got its final name.
    pub fn synced_before_named(&self) -> bool {
        let (mut synced, mut named) = (0, 0);
        self.lines("calls").iter().all(|line| {
            match line.as_str() {
                "sync part ok" => synced += 1,
                "rename mp4 ok" | "rename json ok" => named += 1,
                _ => {}
            }
            named <= synced
        })
    }

    /// The creates that were sent: whether each was certainly written down before, and its name.
    pub fn creates(&self) -> Vec<(bool, String)> {
        let reported = |line: &String| {
            let (on_disk, id) = line.rsplit_once(' ').unwrap();
            (is_creating(Path::new(on_disk), id), id.to_owned())
        };
        self.lines("creates").iter().map(reported).collect()
    }

    fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.test_env.path(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Whether a database says that the create request of this name may have been sent, as a start after a power failure
/// reads it.
fn is_creating(database: &Path, name: &str) -> bool {
    let sql = "SELECT count(*) FROM task WHERE external_task_id = ?1 AND state = 'creating'";
    let found = Connection::open(database).unwrap().query_row(sql, [name], |row| row.get(0));
    // Without a sync, there are no tables.
    found.unwrap_or(0) == 1
}
