//! All that one seed decides: the account, the folder, the faults, the settings; and what is noticed
//! while the daemon lives in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, atomic::AtomicBool},
    time::Duration,
};

use lipsyncd::{
    job::{Moment, Policy},
    kling::{CreateRequest, VideoRef},
    media::Locator,
    metrics::Metrics,
    pipeline::{Offload, PaceSettings, Settings},
    sim::{Call, Sim, SimConfig},
    store::OnChange,
};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::time::Instant;
use url::Url;

use super::{
    api::TOKEN,
    asked::{self, Made},
    changes::Changes,
    faults::Faults,
    folder::{self, Folder},
    mistakes::Mistake,
    people, sounds,
    time::Time,
};
use crate::support::chance::Chance;

const API: &str = "https://api.example";
const HOUR_MS: i64 = 3_600_000;
/// A create request may be on its way for so long when its manifest changes, beside the time between two scans.
const GRACE: Duration = Duration::from_secs(60);

/// One seed's world.
pub struct World {
    pub dir: TempDir,
    pub time: Time,
    pub chance: Chance,
    pub faults: Faults,
    pub settings: Settings,
    pub on_change: OnChange,
    /// Since when people want no paid call.
    pub paused: Mutex<Option<Instant>>,
    /// The takes that each request was asked for, since the beginning.
    pub asked: Mutex<BTreeMap<Made, BTreeSet<u32>>>,
    /// When each of them was last asked for; those that are asked for now are not in it.
    asked_until: Mutex<BTreeMap<Made, Instant>>,
    /// The create requests that were sent, by the digest of their body.
    pub sent: Mutex<BTreeMap<String, CreateRequest>>,
    /// The names under which they were sent.
    pub sent_names: Arc<Mutex<BTreeSet<String>>>,
    /// The videos of sessions, by their id.
    pub sessions: Mutex<BTreeMap<String, String>>,
    /// The names of tasks that people asked for by `retry`.
    pub retried: Mutex<BTreeSet<String>>,
    /// The requests for which people accepted an earlier result.
    pub accepted: Mutex<BTreeSet<Made>>,
    /// How often people cancelled a job.
    pub cancels: Mutex<usize>,
    /// Whether people set the clock.
    pub sets_clock: bool,
    /// What the daemon does wrong on purpose.
    pub mistake: Option<Mistake>,
    /// How often this life scans the folder.
    pub rescan: Mutex<Duration>,
    /// Whether the database may be lost, or put back from a backup: where the API tells what exists.
    pub may_lose_database: bool,
    /// Whether that has happened.
    pub lost_database: Mutex<bool>,
    /// Whether this life has scanned the folder completely.
    pub is_scanned: Mutex<bool>,
    pub violations: Mutex<Vec<String>>,
    /// What people did, and what happened to the daemon, with the time.
    pub acts: Mutex<Vec<String>>,
    database: Mutex<Option<Connection>>,
    folder: Mutex<Folder>,
    changes: Mutex<Changes>,
    sim: Mutex<Sim>,
}

impl World {
    pub fn new(seed: u64, mistake: Option<Mistake>) -> Arc<Self> {
        let chance = Chance::new(seed);
        let dir = tempfile::Builder::new().prefix("lipsyncd-sim").tempdir_in(memory()).unwrap();
        let output_dir = dir.path().join("output");
        fs::create_dir(&output_dir).unwrap();
        let time = Time::begin();
        let config = account(&chance, seed);
        let tells_what_exists = config.unique_external_ids && config.answers_external_lookups;
        let may_lose_database = tells_what_exists && chance.happens(0.4);
        let faults = Faults::new(chance.fork(), time.true_ms());
        let videos: Vec<String> = (0..chance.between(1, 4))
            .map(|number| asked::video(number, chance.happens(0.15)))
            .collect();
        let mut folder = Folder::new(dir.path().to_owned());
        let changes =
            Changes::begin(chance.fork(), videos, !may_lose_database, &mut folder, time.wall_ms());
        let settings = settings(&chance, dir.path().to_owned(), output_dir);
        let world = Self {
            dir,
            faults,
            on_change: people::on_change(&chance),
            paused: Mutex::default(),
            asked: Mutex::default(),
            asked_until: Mutex::default(),
            sent: Mutex::default(),
            sent_names: Arc::default(),
            sessions: Mutex::default(),
            mistake,
            rescan: Mutex::default(),
            retried: Mutex::default(),
            accepted: Mutex::default(),
            cancels: Mutex::default(),
            sets_clock: chance.happens(0.25),
            may_lose_database,
            lost_database: Mutex::default(),
            is_scanned: Mutex::default(),
            violations: Mutex::default(),
            acts: Mutex::default(),
            database: Mutex::default(),
            folder: Mutex::new(folder),
            changes: Mutex::new(changes),
            sim: Mutex::new(Sim::new(config, API)),
            chance: chance.fork(),
            time,
            settings,
        };
        world.note_asked(&mut world.folder());
        Arc::new(world)
    }

    pub fn sim(&self) -> MutexGuard<'_, Sim> {
        self.sim.lock().unwrap()
    }

    pub fn folder(&self) -> MutexGuard<'_, Folder> {
        self.folder.lock().unwrap()
    }

    pub fn moment(&self) -> Moment {
        Moment { now_ms: self.time.wall_ms(), chance: 0.5 }
    }

    pub fn state_db(&self) -> PathBuf {
        self.dir.path().join("lipsyncd.db")
    }

    /// Reads the state database as a user would.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || Connection::open_with_flags(self.state_db(), flags).unwrap();
        read(self.database.lock().unwrap().get_or_insert_with(open))
    }

    /// Lets go of the database, so that another can take its place.
    pub fn close_database(&self) {
        *self.database.lock().unwrap() = None;
    }

    /// What is at an address: a result, or a remote sound.
    pub fn file_at(&self, url: &Url, now_ms: i64) -> Option<Vec<u8>> {
        match url.as_str().strip_prefix(&format!("{API}/results/")) {
            Some(name) => self.sim().download(now_ms, name).map(|file| file.built()),
            None => url.path().ends_with(".wav").then(|| sounds::clip(0)),
        }
    }

    /// Notes something that must never be.
    pub fn accuse(&self, what: impl Into<String>) {
        self.violations.lock().unwrap().push(what.into());
    }

    /// Notes what somebody did.
    pub fn act(&self, what: &str) {
        let at = jiff::Timestamp::from_millisecond(self.time.wall_ms()).unwrap();
        self.acts.lock().unwrap().push(format!("{at:.3} {what}"));
    }

    /// People change the folder, or go on with what they began.
    pub fn change_folder(&self) {
        let mut folder = self.folder();
        let mut changes = self.changes.lock().unwrap();
        changes.go_on(&mut folder, self.time.wall_ms(), false);
        self.note_asked(&mut folder);
        changes.change(&mut folder, self.time.wall_ms());
        self.note_asked(&mut folder);
    }

    /// People finish all that they began in the folder.
    pub fn finish_changes(&self) {
        let mut folder = self.folder();
        self.changes.lock().unwrap().finish(&mut folder, self.time.wall_ms());
        self.note_asked(&mut folder);
    }

    fn note_asked(&self, folder: &mut Folder) {
        std::mem::take(&mut folder.log).iter().for_each(|what| self.act(what));
        let mut asked = self.asked.lock().unwrap();
        let mut now = BTreeSet::new();
        for wish in folder.wishes() {
            if let Some(made) = wish.made {
                asked.entry(made.clone()).or_default().insert(wish.ask.take.unwrap_or(1));
                now.insert(made);
            }
        }
        let mut until = self.asked_until.lock().unwrap();
        for made in asked.keys() {
            if now.contains(made) {
                until.remove(made);
            } else {
                until.entry(made.clone()).or_insert_with(Instant::now);
            }
        }
    }

    /// Nothing is created that the folder does not ask for any more, unless a scan cannot know yet.
    fn require_asked(&self, request: &CreateRequest) {
        let name = request.external_task_id.clone().unwrap_or_default();
        let was_sent = !self.sent_names.lock().unwrap().insert(name.clone());
        let sessions = self.sessions.lock().unwrap();
        let video = sessions.get(&request.session_id);
        let made = video.and_then(|video| asked::made_of(request, video));
        let grace = *self.rescan.lock().unwrap() + GRACE;
        let until = made.and_then(|made| self.asked_until.lock().unwrap().get(&made).copied());
        if !was_sent
            && !self.folder().was_away
            && until.is_some_and(|until| until.elapsed() > grace)
        {
            self.accuse(format!("{name} is created though nobody asks for it any more"));
        }
    }

    /// A call that costs is about to be sent.
    pub fn note_paid_call(&self, call: Call) {
        let paused = *self.paused.lock().unwrap();
        if paused.is_some_and(|since| since.elapsed() > Duration::from_secs(2)) {
            self.accuse(format!("{call:?} is sent though a person paused the queue"));
        }
        if !*self.is_scanned.lock().unwrap() {
            self.accuse(format!("{call:?} is sent before the first scan of the folder"));
        }
    }

    /// A session is known by its id.
    pub fn note_session(&self, session_id: &str, video: &VideoRef) {
        if let VideoRef::Url(url) = video {
            self.sessions.lock().unwrap().insert(session_id.to_owned(), url.clone());
        }
    }

    /// A create request is about to be sent: that must be written already.
    pub fn note_create(&self, request: &CreateRequest) {
        self.note_paid_call(Call::Create);
        self.require_asked(request);
        let sql = "SELECT state FROM task WHERE external_task_id = ?1";
        let state: Option<String> = self.read(|database| {
            let mut state = database.prepare_cached(sql).unwrap();
            state.query_row([&request.external_task_id], |row| row.get(0)).optional().unwrap()
        });
        if state.as_deref() != Some("creating") {
            let name = &request.external_task_id;
            self.accuse(format!("create of {name:?} is sent while it is {state:?}"));
        }
        let digest = digest(&request.body().unwrap());
        self.sent.lock().unwrap().insert(digest, request.clone());
    }
}

/// The SHA-256 of some bytes, in hex.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where files are quick to write, if the machine has such a place.
fn memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}

fn account(chance: &Chance, seed: u64) -> SimConfig {
    let unique_external_ids = chance.happens(0.5);
    // Where names are not unique, only a task that shows up in time keeps from paying twice.
    let lag_max_ms = if unique_external_ids { 60_000 } else { 30_000 };
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

fn settings(chance: &Chance, root: PathBuf, output_dir: PathBuf) -> Settings {
    let per_second = |chance: &Chance| *chance.pick(&[1.0, 2.0, 10.0]);
    Settings {
        account: "simulated".to_owned(),
        policy: Policy {
            retry_initial_ms: 1_000,
            retry_max_ms: 300_000,
            give_up_after_ms: 24 * HOUR_MS,
            create_settle_ms: 90_000,
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
        locator: Locator {
            jobs_dir: root.join(folder::JOBS),
            media_dirs: vec![root.join(folder::MEDIA)],
        },
        offload: Offload::threads(),
        is_scanned: Arc::new(AtomicBool::new(false)),
        metrics: Metrics::new(),
    }
}
