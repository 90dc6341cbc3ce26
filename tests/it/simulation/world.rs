//! All that one seed decides: the account, the folder, the faults, the settings; and what is noticed
//! while the daemon lives in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use lipsyncd::{job::Moment, kling::CreateRequest, pipeline::Settings, sim::Sim, store::OnChange};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tokio::time::Instant;
use url::Url;

use super::{
    asked::{self, Made},
    changes::Changes,
    faults::Faults,
    folder::Folder,
    mistakes::Mistake,
    options::{Options, Stops},
    people,
    setup::{account, memory, settings},
    sounds,
    time::Time,
};
use crate::support::chance::Chance;

const API: &str = "https://api.example";

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
    pub asked_until: Mutex<BTreeMap<Made, Instant>>,
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
    stops: Stops,
    sim: Mutex<Sim>,
}

impl World {
    pub fn new(seed: u64, mistake: Option<Mistake>, options: Options) -> Arc<Self> {
        let chance = Chance::new(seed);
        let dir = tempfile::Builder::new().prefix("lipsyncd-sim").tempdir_in(memory()).unwrap();
        let output_dir = dir.path().join("output");
        fs::create_dir(&output_dir).unwrap();
        let time = Time::begin();
        let config = account(&chance, seed);
        let tells_what_exists = config.unique_external_ids && config.answers_external_lookups;
        let may_lose_database = tells_what_exists && chance.happens(0.4);
        let faults = Faults::new(chance.fork(), time.true_ms(), options.late);
        // Of their own, so that they shift nothing that the seed draws besides.
        let for_options = Chance::new(!seed);
        let config = options.change(config, &for_options);
        let stops = Stops::draw(options, &config, &for_options, time.true_ms());
        let videos: Vec<String> = (0..chance.between(1, 4))
            .map(|number| asked::video(number, chance.happens(0.15)))
            .collect();
        let mut folder = Folder::new(dir.path().to_owned());
        let changes = Changes::begin(chance.fork(), videos, &mut folder, time.wall_ms());
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
            stops,
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

    /// The account as it answers at this time.
    pub fn sim_at(&self, now_ms: i64) -> MutexGuard<'_, Sim> {
        let mut sim = self.sim();
        self.stops.apply(sim.config_mut(), now_ms, self.faults.have_ended());
        sim
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
}
