//! All that one seed decides: the account, the folder, the faults, the settings; and what is observed while the daemon
//! runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use lipsyncd::{
    job::{Caps, Moment},
    kling::CreateRequest,
    pipeline::Settings,
    sim::{Payment, Sim},
    store::OnChange,
};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tokio::time::Instant;
use url::Url;

use super::{
    audio_files,
    changes::Changes,
    faults::Faults,
    folder::Folder,
    hosts::{AccountChanges, AccountRef, sims, under_host},
    lookup_outages::LookupOutages,
    lookups,
    mistakes::Mistake,
    requests::{self, RequestKey},
    setup::{account, fast_temp_dir, settings, with_odd_answers, with_payment},
    time::Time,
    users,
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
    /// Since when the queue is paused by a user.
    pub paused: Mutex<Option<Instant>>,
    /// The takes in which manifests ever asked for each request.
    pub requested: Mutex<BTreeMap<RequestKey, BTreeSet<u32>>>,
    /// Since when no manifest asks for a request any more. Requests that are asked for now are not in it.
    pub requested_until: Mutex<BTreeMap<RequestKey, Instant>>,
    /// The create requests that were sent, by the digest of their body.
    pub requests: Mutex<BTreeMap<String, CreateRequest>>,
    /// The names under which they were sent.
    pub sent_names: Arc<Mutex<BTreeSet<String>>>,
    /// The last create request of each name.
    pub sent: Mutex<BTreeMap<String, Sent>>,
    /// How often a user ran `resolve --resend --yes` for a name whose task existed or could still arrive.
    pub paid_again: Mutex<BTreeMap<String, usize>>,
    /// The videos of sessions, by their id.
    pub sessions: Mutex<BTreeMap<String, String>>,
    /// The names of tasks that users retried.
    pub retried: Mutex<BTreeSet<String>>,
    /// The requests for which users accepted an earlier result.
    pub accepted: Mutex<BTreeSet<RequestKey>>,
    /// How often users cancelled a job.
    pub cancels: Mutex<usize>,
    /// Whether users set the clock.
    pub sets_clock: bool,
    /// What the daemon does wrong on purpose.
    pub mistake: Option<Mistake>,
    /// `watch.rescan_interval` of the running daemon.
    pub rescan: Mutex<Duration>,
    /// Whether the database may be lost or restored from a backup. Only where Kling always shows what exists.
    pub may_lose_database: bool,
    /// How users change the configuration.
    pub account_changes: AccountChanges,
    pub account_ref: Mutex<AccountRef>,
    /// Whether the database was lost.
    pub lost_database: Mutex<bool>,
    /// The folders to which users moved results, in their order.
    pub moved_away: Mutex<Vec<PathBuf>>,
    /// Whether the running daemon has scanned the folder completely.
    pub is_scanned: Mutex<bool>,
    pub violations: Mutex<Vec<String>>,
    /// What users did, and what happened to the daemon, with the time.
    pub log: Mutex<Vec<String>>,
    database: Mutex<Option<Connection>>,
    folder: Mutex<Folder>,
    changes: Mutex<Changes>,
    outages: LookupOutages,
    sims: [Mutex<Sim>; 2],
}

/// How far the clock of the folder's server is ahead, by seed.
const CLOCK_OFFSETS_MS: [i64; 4] = [0, -300_000, 0, 86_400_000];

impl World {
    pub fn new(seed: u64, mistake: Option<Mistake>) -> Arc<Self> {
        let chance = Chance::new(seed);
        let dir =
            tempfile::Builder::new().prefix("lipsyncd-sim").tempdir_in(fast_temp_dir()).unwrap();
        let output_dir = dir.path().join("output");
        fs::create_dir(&output_dir).unwrap();
        let time = Time::begin();
        let config = account(&chance, seed);
        let faults = Faults::new(chance.fork(), time.true_ms());
        // A stream of its own, so that it does not shift what the seed draws otherwise.
        let for_lookups = Chance::new(!seed);
        let outages = LookupOutages::draw(&config, &for_lookups, time.true_ms());
        let shows_what_exists = config.answers_external_lookups && !outages.has_unanswered_names();
        let may_lose_database = shows_what_exists && chance.happens(0.4);
        let config = lookups::draw(config, &outages, may_lose_database, &for_lookups);
        let config = with_payment(with_odd_answers(config, seed), seed);
        let pays_units = config.payment == Payment::Units;
        let account_changes = AccountChanges::draw(&for_lookups, may_lose_database);
        let videos: Vec<String> = (0..chance.between(1, 4))
            .map(|number| requests::video(number, chance.happens(0.15)))
            .collect();
        let mut folder = Folder::new(dir.path().to_owned());
        folder.clock_offset_ms = CLOCK_OFFSETS_MS[(seed % 4) as usize];
        let changes = Changes::begin(chance.fork(), videos, &mut folder, time.wall_ms());
        let mut settings = settings(&chance, dir.path().to_owned(), output_dir);
        if !pays_units {
            let Caps { units_micro, money_micro } = settings.caps;
            settings.caps = Caps { units_micro: money_micro, money_micro: units_micro };
        }
        let world = Self {
            dir,
            faults,
            on_change: users::on_change(&chance),
            paused: Mutex::default(),
            requested: Mutex::default(),
            requested_until: Mutex::default(),
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
            account_changes,
            account_ref: Mutex::default(),
            lost_database: Mutex::default(),
            moved_away: Mutex::default(),
            is_scanned: Mutex::default(),
            violations: Mutex::default(),
            log: Mutex::default(),
            database: Mutex::default(),
            folder: Mutex::new(folder),
            changes: Mutex::new(changes),
            outages,
            sims: sims(config).map(Mutex::new),
            chance: chance.fork(),
            time,
            settings,
        };
        let account = lookups::described(world.sim(0).config());
        world.log(&account);
        world.record_requests(&mut world.folder());
        Arc::new(world)
    }

    /// The API at this host.
    pub fn sim(&self, host: usize) -> MutexGuard<'_, Sim> {
        self.sims[host].lock().unwrap()
    }

    /// The same, as it answers at this time.
    pub fn sim_at(&self, host: usize, now_ms: i64) -> MutexGuard<'_, Sim> {
        let mut sim = self.sim(host);
        self.outages.apply(sim.config_mut(), now_ms, self.faults.have_ended());
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

    /// Closes the database, so that another one can replace it.
    pub fn close_database(&self) {
        *self.database.lock().unwrap() = None;
    }

    /// The file at an address: a result, or a remote audio file.
    pub fn file_at(&self, url: &Url, now_ms: i64) -> Option<Vec<u8>> {
        match under_host(url.as_str()) {
            Some((host, path)) => {
                let name = path.strip_prefix("/results/")?;
                self.sim(host).download(now_ms, name).map(|file| file.built())
            }
            None => url.path().ends_with(".wav").then(|| audio_files::clip(0)),
        }
    }

    /// Records that a rule was broken.
    pub fn report_violation(&self, what: impl Into<String>) {
        self.violations.lock().unwrap().push(what.into());
    }

    /// Records what a user did or what happened to the daemon.
    pub fn log(&self, what: &str) {
        let at = jiff::Timestamp::from_millisecond(self.time.wall_ms()).unwrap();
        self.log.lock().unwrap().push(format!("{at:.3} {what}"));
    }

    /// Users change the folder, or continue what they began.
    pub fn change_folder(&self) {
        let mut folder = self.folder();
        let mut changes = self.changes.lock().unwrap();
        changes.continue_changes(&mut folder, self.time.wall_ms(), false);
        self.record_requests(&mut folder);
        changes.change(&mut folder, self.time.wall_ms());
        self.record_requests(&mut folder);
    }

    /// Users finish all that they began in the folder.
    pub fn finish_changes(&self) {
        let mut folder = self.folder();
        self.changes.lock().unwrap().finish(&mut folder, self.time.wall_ms());
        self.record_requests(&mut folder);
    }
}
