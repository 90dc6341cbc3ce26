//! All that one seed decides: the account, the folder, the weather, the settings; and what is noticed
//! while the daemon lives in it.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use lipsyncd::{
    job::{Moment, Policy},
    media::{Locator, sound},
    metrics::Metrics,
    pipeline::{Offload, PaceSettings, Settings},
    sim::{Call, NoFiles, Sim, SimConfig},
};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use tempfile::TempDir;
use tokio::time::Instant;
use url::Url;

use super::{
    api::TOKEN,
    folder::{self, CLIP, Manifest},
    time::Time,
    weather::Weather,
};
use crate::support::chance::Chance;

const API: &str = "https://api.example";
const HOUR_MS: i64 = 3_600_000;

/// One seed's world.
pub struct World {
    pub dir: TempDir,
    pub time: Time,
    pub chance: Chance,
    pub weather: Weather,
    pub settings: Settings,
    pub manifests: Mutex<Vec<Manifest>>,
    /// Since when people want no paid call.
    pub paused: Mutex<Option<Instant>>,
    /// How often people asked for another attempt, by key.
    pub retries: Mutex<BTreeMap<String, usize>>,
    /// Whether people set the clock.
    pub sets_clock: bool,
    pub faults: Mutex<Vec<String>>,
    sim: Mutex<Sim>,
    clip_ms: i64,
}

impl World {
    pub fn new(seed: u64) -> Arc<Self> {
        let chance = Chance::new(seed);
        let dir = tempfile::Builder::new().prefix("lipsyncd-sim").tempdir_in(memory()).unwrap();
        let (jobs_dir, output_dir) = (dir.path().join("jobs"), dir.path().join("output"));
        folder::lay_out(&jobs_dir);
        fs::create_dir(&output_dir).unwrap();
        let time = Time::begin();
        let clip_ms = sound::measure(CLIP.to_vec(), Some("mp3")).unwrap().length_ms;
        let config = account(&chance, seed);
        let late = config.unique_external_ids;
        let weather = Weather::new(chance.fork(), time.true_ms(), late);
        let settings = settings(&chance, output_dir, jobs_dir);
        let manifests = folder::draw(&chance, time.wall_ms(), clip_ms, &settings.locator);
        Arc::new(Self {
            dir,
            weather,
            manifests: Mutex::new(manifests),
            paused: Mutex::default(),
            retries: Mutex::default(),
            sets_clock: chance.happens(0.25),
            faults: Mutex::default(),
            sim: Mutex::new(Sim::new(config, API)),
            chance: chance.fork(),
            time,
            settings,
            clip_ms,
        })
    }

    pub fn sim(&self) -> MutexGuard<'_, Sim> {
        self.sim.lock().unwrap()
    }

    pub fn moment(&self) -> Moment {
        Moment { now_ms: self.time.wall_ms(), chance: 0.5 }
    }

    pub fn state_db(&self) -> PathBuf {
        self.dir.path().join("lipsyncd.db")
    }

    /// Reads the state database as a user would.
    pub fn database(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(self.state_db(), flags).unwrap()
    }

    /// Any inline sound is the clip.
    pub fn media(&self) -> NoFiles {
        NoFiles { sound_ms: self.clip_ms }
    }

    /// What lies at an address: a result, or the clip.
    pub fn file_at(&self, url: &Url, now_ms: i64) -> Option<Vec<u8>> {
        match url.as_str().strip_prefix(&format!("{API}/results/")) {
            Some(name) => self.sim().download(now_ms, name).map(|file| file.built()),
            None => url.path().ends_with(folder::CLIP_NAME).then(|| CLIP.to_vec()),
        }
    }

    /// Takes note of something that must never be.
    pub fn accuse(&self, what: impl Into<String>) {
        self.faults.lock().unwrap().push(what.into());
    }

    /// A call that costs is about to be sent.
    pub fn note_paid_call(&self, call: Call) {
        let paused = *self.paused.lock().unwrap();
        if paused.is_some_and(|since| since.elapsed() > Duration::from_secs(2)) {
            self.accuse(format!("{call:?} is sent though a person paused the line"));
        }
    }

    /// A create is about to be sent: that must be written down already.
    pub fn require_intent(&self, external_task_id: Option<&str>) {
        let sql = "SELECT state FROM job_overview WHERE external_task_id = ?1";
        let state: Option<String> = self
            .database()
            .query_row(sql, [external_task_id], |row| row.get(0))
            .optional()
            .unwrap();
        if state.as_deref() != Some("creating") {
            self.accuse(format!("create of {external_task_id:?} is sent while it is {state:?}"));
        }
    }
}

/// Where files are quick to write, if the machine has such a place.
fn memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}

fn account(chance: &Chance, seed: u64) -> SimConfig {
    let unique_external_ids = chance.happens(0.5);
    // Where names are not unique, only a task that shows up in time keeps from paying twice.
    let lag_max_ms = if unique_external_ids { 60_000 } else { 8_000 };
    let low_ms = chance.between(1_000, 200_000);
    SimConfig {
        bearer_token: Some(TOKEN.to_owned()),
        concurrency: usize::try_from(chance.between(1, 6)).unwrap(),
        identify_per_second: Some(u32::try_from(chance.between(1, 5)).unwrap()),
        create_per_second: Some(u32::try_from(chance.between(1, 5)).unwrap()),
        query_per_second: chance.happens(0.3).then_some(2),
        task_ms: (low_ms, low_ms + chance.between(0, 200_000)),
        visibility_lag_ms: if chance.happens(0.6) { chance.between(0, lag_max_ms) } else { 0 },
        session_ttl_ms: *chance.pick(&[600_000, 24 * HOUR_MS]),
        answers_external_lookups: chance.happens(0.7),
        unique_external_ids,
        min_result_bytes: 2_000,
        seed,
        ..SimConfig::default()
    }
}

fn settings(chance: &Chance, output_dir: PathBuf, jobs_dir: PathBuf) -> Settings {
    let per_second = |chance: &Chance| *chance.pick(&[1.0, 2.0, 10.0]);
    Settings {
        account: "simulated".to_owned(),
        policy: Policy {
            retry_initial_ms: 1_000,
            retry_max_ms: 300_000,
            give_up_after_ms: 24 * HOUR_MS,
            create_settle_ms: 10_000,
        },
        session_ttl_ms: 23 * HOUR_MS,
        slots: usize::try_from(chance.between(1, 5)).unwrap(),
        pace: PaceSettings {
            identify_per_second: per_second(chance),
            create_per_second: per_second(chance),
            query_per_second: per_second(chance),
        },
        units_per_day_micro: chance.happens(0.2).then(|| chance.between(4, 20) * 1_000_000),
        poll_min_ms: 2_000,
        poll_max_ms: 30_000,
        probe_interval_ms: 60_000,
        downloads: usize::try_from(chance.between(1, 4)).unwrap(),
        download_bytes_max: 1 << 20,
        output_dir,
        locator: Locator { jobs_dir, media_dirs: Vec::new() },
        offload: Offload::threads(),
        metrics: Metrics::new(),
    }
}
