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
    audio_files,
    changes::Changes,
    faults::Faults,
    folder::Folder,
    hosts::{Moves, Place, sims, under_host},
    lookups,
    mistakes::Mistake,
    people,
    setup::{account, memory, settings},
    stops::Stops,
    time::Time,
};
use crate::support::chance::Chance;

/// When, and to which host, a create request was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub at: Instant,
    pub host: usize,
}

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
    pub requests: Mutex<BTreeMap<String, CreateRequest>>,
    /// The names under which they were sent.
    pub sent_names: Arc<Mutex<BTreeSet<String>>>,
    /// The last create request of each name.
    pub sent: Mutex<BTreeMap<String, Sent>>,
    /// The names for which a person said `resolve --resend --yes` while their task existed, or was on its way; how often.
    pub paid_again: Mutex<BTreeMap<String, usize>>,
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
    /// Whether the database may be lost, or put back from a backup: where Kling always answers what exists.
    pub may_lose_database: bool,
    /// How people change the configuration.
    pub moves: Moves,
    pub place: Mutex<Place>,
    /// Whether that has happened.
    pub lost_database: Mutex<bool>,
    /// The folders to which people moved results, in their order.
    pub moved_away: Mutex<Vec<PathBuf>>,
    /// Whether this life has scanned the folder completely.
    pub is_scanned: Mutex<bool>,
    pub violations: Mutex<Vec<String>>,
    /// What people did, and what happened to the daemon, with the time.
    pub acts: Mutex<Vec<String>>,
    database: Mutex<Option<Connection>>,
    folder: Mutex<Folder>,
    changes: Mutex<Changes>,
    stops: Stops,
    sims: [Mutex<Sim>; 2],
}

impl World {
    pub fn new(seed: u64, mistake: Option<Mistake>) -> Arc<Self> {
        let chance = Chance::new(seed);
        let dir = tempfile::Builder::new().prefix("lipsyncd-sim").tempdir_in(memory()).unwrap();
        let output_dir = dir.path().join("output");
        fs::create_dir(&output_dir).unwrap();
        let time = Time::begin();
        let config = account(&chance, seed);
        let faults = Faults::new(chance.fork(), time.true_ms());
        // Of their own, so that they shift nothing that the seed draws besides.
        let for_lookups = Chance::new(!seed);
        let stops = Stops::draw(&config, &for_lookups, time.true_ms());
        let tells_what_exists = config.answers_external_lookups && !stops.silence_names();
        let may_lose_database = tells_what_exists && chance.happens(0.4);
        let config = lookups::draw(config, &stops, may_lose_database, &for_lookups);
        let moves = Moves::draw(&for_lookups, may_lose_database);
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
            requests: Mutex::default(),
            sent_names: Arc::default(),
            sent: Mutex::default(),
            paid_again: Mutex::default(),
            sessions: Mutex::default(),
            mistake,
            rescan: Mutex::default(),
            retried: Mutex::default(),
            accepted: Mutex::default(),
            cancels: Mutex::default(),
            sets_clock: chance.happens(0.25),
            may_lose_database,
            moves,
            place: Mutex::default(),
            lost_database: Mutex::default(),
            moved_away: Mutex::default(),
            is_scanned: Mutex::default(),
            violations: Mutex::default(),
            acts: Mutex::default(),
            database: Mutex::default(),
            folder: Mutex::new(folder),
            changes: Mutex::new(changes),
            stops,
            sims: sims(config).map(Mutex::new),
            chance: chance.fork(),
            time,
            settings,
        };
        let account = lookups::described(world.sim(0).config());
        world.act(&account);
        world.note_asked(&mut world.folder());
        Arc::new(world)
    }

    /// The API at this host.
    pub fn sim(&self, host: usize) -> MutexGuard<'_, Sim> {
        self.sims[host].lock().unwrap()
    }

    /// The same, as it answers at this time.
    pub fn sim_at(&self, host: usize, now_ms: i64) -> MutexGuard<'_, Sim> {
        let mut sim = self.sim(host);
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

    /// What is at an address: a result, or a remote audio.
    pub fn file_at(&self, url: &Url, now_ms: i64) -> Option<Vec<u8>> {
        match under_host(url.as_str()) {
            Some((host, path)) => {
                let name = path.strip_prefix("/results/")?;
                self.sim(host).download(now_ms, name).map(|file| file.built())
            }
            None => url.path().ends_with(".wav").then(|| audio_files::clip(0)),
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
