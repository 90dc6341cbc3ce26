//! What people do while the daemon works: they change the folder, pause, cancel, retry, dismiss, decide, and set
//! the clock. Commands write to the database beside the daemon.

use std::{
    collections::BTreeMap,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use lipsyncd::{
    job::State,
    sim::{LookupStyles, SimConfig},
    store::{
        Command, CommandFailure, JobState, Lookups, OnChange, Pause, PauseKind, Store, StoreError,
    },
};
use rusqlite::Connection;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{audio_files, check::texts, world::World};
use crate::support::chance::Chance;

/// The bells of one life of the daemon.
#[derive(Debug, Default)]
pub struct Bells {
    /// The database holds something new.
    pub nudge: Arc<Notify>,
    /// The folder is to be scanned.
    pub look: Arc<Notify>,
}

/// All people there are.
pub struct People {
    pub world: Arc<World>,
    store: Mutex<Option<Store>>,
    pub chance: Chance,
    pub bells: Mutex<Bells>,
    /// Since when each job has been seen to need a decision.
    pub undecided: Mutex<BTreeMap<String, Instant>>,
}

impl People {
    pub async fn arrive(world: &Arc<World>) -> Self {
        let people = Self {
            world: Arc::clone(world),
            store: Mutex::default(),
            chance: world.chance.fork(),
            bells: Mutex::default(),
            undecided: Mutex::default(),
        };
        if world.chance.happens(0.5) {
            // An account that has been used before, and taught what it does.
            let learned = learned(world.sim(0).config());
            let store = people.store();
            store.learn_lookups(&world.settings.account, learned).await.unwrap();
        }
        people
    }

    /// The database, opened if it is not.
    fn store(&self) -> Store {
        let mut store = self.store.lock().unwrap();
        let open = || Store::open_here(&self.world.state_db(), Arc::new(|| Box::pin(ready(()))));
        store.get_or_insert_with(|| open().unwrap()).clone()
    }

    /// Does to the database what a mistake needs.
    pub fn prepare_database(&self, sql: Option<&str>) {
        let Some(sql) = sql else { return };
        let _made = self.store();
        Connection::open(self.world.state_db()).unwrap().execute_batch(sql).unwrap();
    }

    /// Lets go of the database, so that another can take its place.
    pub fn close(&self) {
        *self.store.lock().unwrap() = None;
    }

    /// Does things until it is dropped.
    pub async fn meddle(&self) {
        let busy = *self.chance.pick(&[20, 120, 1_200]);
        loop {
            sleep(Duration::from_millis(self.chance.between(1, busy * 1_000).unsigned_abs())).await;
            self.do_something().await;
        }
    }

    /// Changes the folder while no daemon runs.
    pub fn change_unseen(&self) {
        for _ in 0..self.chance.between(0, 2) {
            self.world.change_folder();
        }
    }

    /// The daemon sees that the database was changed.
    fn ring(&self) {
        let bells = self.bells.lock().unwrap();
        bells.nudge.notify_one();
        bells.look.notify_one();
    }

    async fn do_something(&self) {
        if self.chance.happens(0.15) && self.resolve().await {
            return;
        }
        match self.chance.between(0, 23) {
            0..=11 => {
                self.world.change_folder();
                // As a watched folder does; else the next scan finds it.
                if self.chance.happens(0.5) {
                    self.bells.lock().unwrap().look.notify_one();
                }
            }
            12 => self.pause().await,
            13 | 14 => self.resume().await,
            15 => self.cancel().await,
            16 | 17 => self.retry().await,
            18 => self.dismiss().await,
            19 if self.world.sets_clock => {
                let hours = *self.chance.pick(&[-26, -24, -1, 0, 0, 1, 24, 26]);
                self.world.time.set_ahead(hours * 3_600_000);
                self.world.act("the clock was set");
            }
            20 => self.world.move_results_away(&self.chance),
            21 => self.fetch().await,
            _ => self.decide().await,
        }
    }

    async fn pause(&self) {
        let since_ms = self.world.time.wall_ms();
        let (kind, reason) = (PauseKind::Person, "a person".to_owned());
        let pause = Pause { kind, reason, code: None, since_ms, next_probe_at_ms: None };
        self.store().set_pause(Some(pause)).await.unwrap();
        self.world.act("pause");
        self.world.paused.lock().unwrap().get_or_insert_with(Instant::now);
        self.ring();
    }

    pub async fn resume(&self) {
        *self.world.paused.lock().unwrap() = None;
        self.world.act("resume");
        let store = self.store();
        if store.pause().await.unwrap().is_some_and(|pause| pause.kind == PauseKind::Person) {
            store.set_pause(None).await.unwrap();
        }
        self.ring();
    }

    async fn cancel(&self) {
        let judge = |state: &JobState| {
            let never_sent = state.task.as_ref().is_none_or(|task| task.is_uncreated());
            (state.job.state.is_unsent() && never_sent).then_some(Command::Cancel)
        };
        if let Some(key) = self.any_key()
            && self.command(&key, judge).await.is_some()
        {
            *self.world.cancels.lock().unwrap() += 1;
        }
    }

    async fn retry(&self) {
        let judge = |state: &JobState| {
            let job = &state.job;
            let ended = matches!(job.state, State::Failed | State::Cancelled | State::Succeeded);
            (ended && job.absent_since_ms.is_none()).then_some(Command::Retry)
        };
        let failed = "SELECT key FROM job_overview WHERE state = 'failed' ORDER BY key";
        let failed = self.world.read(|database| texts(database, failed));
        let key = match failed.is_empty() || self.chance.happens(0.5) {
            true => self.any_key(),
            false => Some(self.chance.pick(&failed).clone()),
        };
        let Some(key) = key else { return };
        let Some(state) = self.command(&key, judge).await else { return };
        if let Some(task) = state.task {
            self.world.retried.lock().unwrap().insert(task.external_task_id());
        }
    }

    async fn dismiss(&self) {
        let judge = |state: &JobState| {
            let job = &state.job;
            let is_meant = job.changed_after_sent || job.state == State::Failed && !job.dismissed;
            is_meant.then_some(Command::Dismiss(true))
        };
        let Some(key) = self.any_key() else { return };
        let wishes = self.world.folder().wishes();
        let wish = wishes.into_iter().find(|wish| wish.key == key);
        if self.command(&key, judge).await.is_some() {
            // Which content its request was compared with last, people do not know.
            let made = |clip| wish.as_ref().and_then(|wish| wish.ask.made(|_| Some(clip)));
            let all = (0..audio_files::LENGTHS_MS.len()).filter_map(made);
            self.world.accepted.lock().unwrap().extend(all);
        }
    }

    /// Brings a file back that somebody moved away.
    async fn fetch(&self) {
        let judge =
            |state: &JobState| (state.job.state == State::Succeeded).then_some(Command::Fetch);
        if let Some(key) = self.any_key() {
            self.command(&key, judge).await;
        }
    }

    /// Runs a command if the job is such as it is meant for; returns the job as it is then.
    pub async fn command(
        &self,
        key: &str,
        judge: impl Fn(&JobState) -> Option<Command> + Send + 'static,
    ) -> Option<JobState> {
        let (moment, policy) = (self.world.moment(), self.world.settings.policy.clone());
        let judge = move |state: &JobState| judge(state).ok_or(());
        let done = self.store().command(key, judge, moment, policy).await;
        self.ring();
        match done {
            Ok(state) => {
                self.world.act(&format!("a command to {key}: {}", state.job.state));
                Some(state)
            }
            Err(CommandFailure::Refused(()) | CommandFailure::Unknown) => None,
            Err(CommandFailure::Store(StoreError::Stale { .. })) => None,
            Err(error) => {
                self.world.accuse(format!("a command to {key} fails: {error}"));
                None
            }
        }
    }

    fn any_key(&self) -> Option<String> {
        let wishes = self.world.folder().wishes();
        (!wishes.is_empty()).then(|| self.chance.pick(&wishes).key.clone())
    }

    /// Leaves everything as it is to be worked off.
    pub async fn settle_down(&self) {
        self.resume().await;
        self.world.finish_changes();
    }
}

/// What was learned of this account before.
fn learned(config: &SimConfig) -> Lookups {
    let LookupStyles { in_path, on_list_path, path_with_flag } = config.lookup_styles;
    match config.answers_external_lookups {
        true if in_path => Lookups::Path,
        true if on_list_path => Lookups::Query,
        true if path_with_flag => Lookups::Flag,
        _ => Lookups::Unanswered,
    }
}

/// What becomes of a job whose request changes after its task was created.
pub fn on_change(chance: &Chance) -> OnChange {
    if chance.happens(0.6) { OnChange::Flag } else { OnChange::Run }
}
