//! The environment of a scenario: a daemon in its own folder, and what its user sees.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use lipsyncd::sim::{MediaReader, SimConfig};

use super::samples::single;
use crate::support::{
    daemon::{Ran, TestEnv, quick},
    sha256,
};

/// `watch.rescan_interval` of [`TestEnv`], and a little more.
const RESCAN: Duration = Duration::from_millis(600);
/// Tasks at once, so that many jobs do not take long.
const SLOTS: u32 = 20;
/// The folder of the manifests that show only that the daemon has scanned the folder.
const MARKERS: &str = "zz-marker/";

/// The SHA-256 of every audio file that the simulator got inline, of all scenarios.
static SENT_AUDIO: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn record_audio(bytes: &[u8]) -> Option<i64> {
    SENT_AUDIO.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256(bytes));
    (MediaReader::default().audio_ms)(bytes)
}

/// Whether a create request with this audio ever reached the API.
pub fn was_sent(audio: &[u8]) -> bool {
    SENT_AUDIO.lock().unwrap_or_else(PoisonError::into_inner).contains(&sha256(audio))
}

/// A folder of manifests with a daemon and a simulated API.
pub struct Env(TestEnv);

impl Deref for Env {
    type Target = TestEnv;

    fn deref(&self) -> &TestEnv {
        &self.0
    }
}

impl DerefMut for Env {
    fn deref_mut(&mut self) -> &mut TestEnv {
        &mut self.0
    }
}

impl Env {
    pub fn new() -> Self {
        Self::with(quick())
    }

    pub fn with(config: SimConfig) -> Self {
        let media_reader = MediaReader { audio_ms: record_audio, ..MediaReader::default() };
        let concurrency = SLOTS as usize;
        Self(TestEnv::with(SimConfig { media_reader, concurrency, ..config }, SLOTS, ""))
    }

    /// Sets `watch.on_change`, which is `flag` without this.
    pub fn set_on_change(&self, value: &str) {
        let path = self.path("lipsyncd.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let changed = text.replace("watch: { ", &format!("watch: {{ on_change: {value}, "));
        assert_ne!(text, changed, "the configuration has another `watch`");
        fs::write(path, changed).unwrap();
    }

    /// A path in the folder of manifests.
    pub fn jobs(&self, relative: &str) -> PathBuf {
        self.path("jobs").join(relative)
    }

    /// Makes a folder of manifests elsewhere and moves it into the folder of manifests at once.
    pub fn move_in_folder(
        &self,
        name: &str,
        fill: impl FnOnce(&Path) -> Vec<String>,
    ) -> Vec<String> {
        let staging = self.path("staging");
        let keys = fill(&staging);
        fs::rename(staging, self.jobs(name)).unwrap();
        keys
    }

    /// All jobs with their states, without the markers of [`scanned`](Self::scanned).
    pub fn all_jobs(&self) -> Vec<(String, String)> {
        without_markers(&self.0)
    }

    /// Waits until all of these jobs are in `state`.
    pub fn until_all(&self, keys: &[String], state: &str) {
        self.until(&format!("{} jobs to be {state}", keys.len()), |test_env| {
            let states: BTreeMap<_, _> = test_env.states().into_iter().collect();
            keys.iter().all(|key| states.get(key).is_some_and(|is| is == state))
        });
    }

    /// Waits until the daemon knows all of these jobs.
    pub fn until_known(&self, keys: &[&str]) {
        self.until(&format!("{keys:?} to be known"), |test_env| {
            let states = test_env.states();
            keys.iter().all(|key| states.iter().any(|(known, _)| known == key))
        });
    }

    /// Waits until no job changes automatically.
    pub fn until_all_ended(&self) {
        self.until("all jobs to end", |test_env| {
            let ended = ["succeeded", "failed", "cancelled"];
            without_markers(test_env).iter().all(|(_, state)| ended.contains(&state.as_str()))
        });
    }

    /// Waits until all of these jobs have ended or wait for a person.
    pub fn until_all_known_and_ended(&self, keys: &[String]) {
        let ended = ["succeeded", "failed", "cancelled", "unresolved"];
        self.until("all jobs to end", |test_env| {
            let states: BTreeMap<_, _> = test_env.states().into_iter().collect();
            let is_ended = |key| states.get(key).is_some_and(|is| ended.contains(&is.as_str()));
            keys.iter().all(is_ended)
        });
    }

    /// Waits until the daemon has scanned the folder, and scanned it again `watch.rescan_interval`
    /// later. A manifest that was absent at the first scan has left by then.
    pub fn scanned(&self) {
        self.drop_marker();
        sleep(RESCAN);
        self.drop_marker();
    }

    fn drop_marker(&self) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let key = format!("{MARKERS}{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let text = format!("{}not_before: 2099-01-01T00:00:00Z\n", single(&key));
        self.drop_in(&format!("{key}.yaml"), text);
        self.until_known(&[&key]);
    }

    /// A column of `job_overview`, as text.
    pub fn column(&self, key: &str, name: &str) -> Option<String> {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM job_overview WHERE key = ?1");
        let found = self.database().unwrap().query_row(&sql, [key], |row| row.get(0));
        found.unwrap_or_else(|error| panic!("{key}: {error}; {:?}", self.all_jobs()))
    }

    /// Why a manifest is not accepted, or why its only job does not run; empty where nothing is wrong.
    pub fn problem(&self, key: &str) -> String {
        let Some(database) = self.database() else { return String::new() };
        let text = |sql: &str, of: &str| {
            let found = database.query_row(sql, [of], |row| row.get::<_, Option<String>>(0));
            found.ok().flatten().unwrap_or_default()
        };
        let manifest = "SELECT error FROM manifest_overview WHERE path = ?1";
        let job = "SELECT error FROM job_overview WHERE key = ?1";
        text(manifest, &format!("{key}.yaml")) + &text(job, key)
    }

    /// The file that a job's result has.
    pub fn result_path(&self, key: &str) -> PathBuf {
        let output = self.column(key, "output").unwrap_or_else(|| panic!("{key} has no output"));
        self.path("output").join(output)
    }

    /// The bytes of a job's result.
    pub fn result(&self, key: &str) -> Vec<u8> {
        let path = self.result_path(key);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Runs `run --once`.
    pub fn run_once(&self) -> Ran {
        self.run(&["run", "--once"])
    }

    /// Runs a command that must succeed.
    pub fn command_done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran
    }
}

fn without_markers(test_env: &TestEnv) -> Vec<(String, String)> {
    let all = test_env.states().into_iter();
    all.filter(|(key, _)| !key.starts_with(MARKERS)).collect()
}
