//! What users do while the daemon works: they change the folder, pause, cancel, retry, dismiss, decide, and set the
//! clock. Their commands write to the database beside the daemon.

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

/// How users wake one process of the daemon.
#[derive(Debug, Default)]
pub struct Signals {
    /// The database holds something new.
    pub nudge: Arc<Notify>,
    /// The folder is to be scanned.
    pub scan: Arc<Notify>,
}

/// All users together.
pub struct Users {
    pub world: Arc<World>,
    store: Mutex<Option<Store>>,
    pub chance: Chance,
    pub signals: Mutex<Signals>,
    /// Since when each job has been seen to need a decision.
    pub undecided: Mutex<BTreeMap<String, Instant>>,
}

impl Users {
    pub async fn new(world: &Arc<World>) -> Self {
        let users = Self {
            world: Arc::clone(world),
            store: Mutex::default(),
            chance: world.chance.fork(),
            signals: Mutex::default(),
            undecided: Mutex::default(),
        };
        if world.chance.happens(0.5) {
            // An account that was used before, so that its answers to lookups are known.
            let learned = learned(world.sim(0).config());
            let store = users.store();
            store.learn_lookups(&world.settings.account, learned).await.unwrap();
        }
        users
    }

    /// The database, opened if it is not.
    fn store(&self) -> Store {
        let mut store = self.store.lock().unwrap();
        let open = || Store::open_here(&self.world.state_db(), Arc::new(|| Box::pin(ready(()))));
        store.get_or_insert_with(|| open().unwrap()).clone()
    }

    /// Changes the database as a mistake needs it.
    pub fn prepare_database(&self, sql: Option<&str>) {
        let Some(sql) = sql else { return };
        let _made = self.store();
        Connection::open(self.world.state_db()).unwrap().execute_batch(sql).unwrap();
    }

    /// Closes the database, so that another one can replace it.
    pub fn close(&self) {
        *self.store.lock().unwrap() = None;
    }

    /// Acts at random until it is dropped.
    pub async fn act_randomly(&self) {
        let busy = *self.chance.pick(&[20, 120, 1_200]);
        loop {
            sleep(Duration::from_millis(self.chance.between(1, busy * 1_000).unsigned_abs())).await;
            self.random_action().await;
        }
    }

    /// Changes the folder while no daemon runs.
    pub fn change_unseen(&self) {
        for _ in 0..self.chance.between(0, 2) {
            self.world.change_folder();
        }
    }

    /// Makes the daemon read the database and the folder again.
    fn notify_daemon(&self) {
        let signals = self.signals.lock().unwrap();
        signals.nudge.notify_one();
        signals.scan.notify_one();
    }

    async fn random_action(&self) {
        if self.chance.happens(0.15) && self.resolve().await {
            return;
        }
        match self.chance.between(0, 23) {
            0..=11 => {
                self.world.change_folder();
                // As a watched folder does; otherwise the next scan finds the change.
                if self.chance.happens(0.5) {
                    self.signals.lock().unwrap().scan.notify_one();
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
                self.world.log("the clock was set");
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
        self.world.log("pause");
        self.world.paused.lock().unwrap().get_or_insert_with(Instant::now);
        self.notify_daemon();
    }

    pub async fn resume(&self) {
        *self.world.paused.lock().unwrap() = None;
        self.world.log("resume");
        let store = self.store();
        if store.pause().await.unwrap().is_some_and(|pause| pause.kind == PauseKind::Person) {
            store.set_pause(None).await.unwrap();
        }
        self.notify_daemon();
    }

    async fn cancel(&self) {
        let choose = |state: &JobState| {
            let never_sent = state.task.as_ref().is_none_or(|task| task.is_uncreated());
            (state.job.state.is_unsent() && never_sent).then_some(Command::Cancel)
        };
        if let Some(key) = self.any_key()
            && self.command(&key, choose).await.is_some()
        {
            *self.world.cancels.lock().unwrap() += 1;
        }
    }

    async fn retry(&self) {
        let choose = |state: &JobState| {
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
        let Some(state) = self.command(&key, choose).await else { return };
        if let Some(task) = state.task {
            self.world.retried.lock().unwrap().insert(task.external_task_id());
        }
    }

    async fn dismiss(&self) {
        let choose = |state: &JobState| {
            let job = &state.job;
            let is_meant = job.changed_after_sent || job.state == State::Failed && !job.dismissed;
            is_meant.then_some(Command::Dismiss(true))
        };
        let Some(key) = self.any_key() else { return };
        let jobs = self.world.folder().jobs();
        let job = jobs.into_iter().find(|job| job.key == key);
        if self.command(&key, choose).await.is_some() {
            // Users do not know with which content the job was compared last: all are accepted.
            let request_key =
                |clip| job.as_ref().and_then(|job| job.request.request_key(|_| Some(clip)));
            let all = (0..audio_files::LENGTHS_MS.len()).filter_map(request_key);
            self.world.accepted.lock().unwrap().extend(all);
        }
    }

    /// Fetches a file again that a user moved away.
    async fn fetch(&self) {
        let choose =
            |state: &JobState| (state.job.state == State::Succeeded).then_some(Command::Fetch);
        if let Some(key) = self.any_key() {
            self.command(&key, choose).await;
        }
    }

    /// Runs the command that `choose` returns for this job, if any; returns the job after it.
    pub async fn command(
        &self,
        key: &str,
        choose: impl Fn(&JobState) -> Option<Command> + Send + 'static,
    ) -> Option<JobState> {
        let (moment, policy) = (self.world.moment(), self.world.settings.policy.clone());
        let choose = move |state: &JobState| choose(state).ok_or(());
        let done = self.store().command(key, choose, moment, policy).await;
        self.notify_daemon();
        match done {
            Ok(state) => {
                self.world.log(&format!("a command to {key}: {}", state.job.state));
                Some(state)
            }
            Err(CommandFailure::Refused(()) | CommandFailure::Unknown) => None,
            Err(CommandFailure::Store(StoreError::Stale { .. })) => None,
            Err(error) => {
                self.world.report_violation(format!("a command to {key} fails: {error}"));
                None
            }
        }
    }

    fn any_key(&self) -> Option<String> {
        let jobs = self.world.folder().jobs();
        (!jobs.is_empty()).then(|| self.chance.pick(&jobs).key.clone())
    }

    /// Resumes the queue and completes the folder, so that all can be done.
    pub async fn finish(&self) {
        self.resume().await;
        self.world.finish_changes();
    }
}

/// What the daemon learned about this account earlier.
fn learned(config: &SimConfig) -> Lookups {
    let LookupStyles { in_path, on_list_path, path_with_flag } = config.lookup_styles;
    match config.answers_external_lookups {
        true if in_path => Lookups::Path,
        true if on_list_path => Lookups::Query,
        true if path_with_flag => Lookups::Flag,
        _ => Lookups::Unanswered,
    }
}

/// Draws `watch.on_change`.
pub fn on_change(chance: &Chance) -> OnChange {
    if chance.happens(0.6) { OnChange::Flag } else { OnChange::Run }
}
