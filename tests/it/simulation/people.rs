//! What people do while the daemon works: they edit, remove and bring back manifests, pause, cancel,
//! retry, decide, and set the clock. What they write goes to the database beside the daemon, as from
//! commands and the inbox.

use std::{
    collections::BTreeMap,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use lipsyncd::{
    job::{Job, Outcome, State, apply},
    store::{Lookups, Pause, PauseKind, Store, StoreError},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{folder, world::World};
use crate::support::chance::Chance;

/// How long people think before they decide.
const THINKS: Duration = Duration::from_secs(600);

/// All people there are.
pub struct People {
    world: Arc<World>,
    store: Store,
    chance: Chance,
    /// Rung after each change; of the life that is lived.
    pub nudge: Mutex<Arc<Notify>>,
    /// Since when each job has been seen to need a decision.
    undecided: Mutex<BTreeMap<String, Instant>>,
}

impl People {
    /// Puts the first manifests into the folder.
    pub async fn arrive(world: &Arc<World>) -> Self {
        let store = Store::open_here(&world.state_db(), Arc::new(|| Box::pin(ready(())))).unwrap();
        if world.chance.happens(0.5) {
            // An account that has been used before, and taught what it does.
            let answers = world.sim().config().answers_external_lookups;
            let learnt = if answers { Lookups::Answered } else { Lookups::Unanswered };
            store.learn_lookups(&world.settings.account, learnt).await.unwrap();
        }
        let people = Self {
            world: Arc::clone(world),
            store,
            chance: world.chance.fork(),
            nudge: Mutex::default(),
            undecided: Mutex::default(),
        };
        let count = people.world.manifests.lock().unwrap().len();
        for place in 0..count {
            people.drop_in(place).await;
        }
        people
    }

    /// Meddles until it is dropped.
    pub async fn meddle(&self) {
        let busy = *self.chance.pick(&[20, 120, 1_200]);
        loop {
            sleep(Duration::from_millis(self.chance.between(1, busy * 1_000).unsigned_abs())).await;
            self.do_something().await;
            self.ring();
        }
    }

    fn ring(&self) {
        self.nudge.lock().unwrap().notify_one();
    }

    async fn do_something(&self) {
        let count = self.world.manifests.lock().unwrap().len();
        let place = self.chance.index(count);
        match self.chance.between(0, 11) {
            0 | 1 => self.edit(place).await,
            2 => self.take_out(place).await,
            3 | 4 => self.bring_back(place).await,
            5 => self.pause().await,
            6 | 7 => self.resume().await,
            8 => {
                self.say(Outcome::Cancelled, |job| job.state.is_unsent() && job.was_never_sent())
                    .await
            }
            9 => self.retry(place).await,
            10 if self.world.sets_clock => {
                let hours = *self.chance.pick(&[-26, -24, -1, 0, 0, 1, 24, 26]);
                self.world.time.set_ahead(hours * 3_600_000);
            }
            _ => self.decide().await,
        }
    }

    /// Writes a manifest's wishes into the database, as the inbox does.
    async fn drop_in(&self, place: usize) {
        let accepted =
            self.world.manifests.lock().unwrap()[place].accepted(self.world.time.wall_ms());
        let policy = self.world.settings.policy.clone();
        let done = self.store.accept(accepted, self.world.moment(), policy).await.unwrap();
        if let Err(conflict) = done {
            self.world.accuse(format!("two jobs that cannot both be: {conflict}"));
        }
    }

    async fn edit(&self, place: usize) {
        {
            let manifest = &mut self.world.manifests.lock().unwrap()[place];
            if !manifest.is_there {
                return;
            }
            manifest.edits += 1;
            let job = self.chance.index(manifest.jobs.len());
            let job = &mut manifest.jobs[job];
            job.spec.sound_volume = *self.chance.pick(&[0.5, 1.0, 1.5]);
            *job = folder::say(job.clone());
        }
        self.drop_in(place).await;
    }

    async fn take_out(&self, place: usize) {
        let path = {
            let manifest = &mut self.world.manifests.lock().unwrap()[place];
            manifest.is_there = false;
            manifest.path.clone()
        };
        let policy = self.world.settings.policy.clone();
        self.store.remove(&path, self.world.moment(), policy).await.unwrap();
    }

    async fn bring_back(&self, place: usize) {
        self.world.manifests.lock().unwrap()[place].is_there = true;
        self.drop_in(place).await;
    }

    async fn pause(&self) {
        let since_ms = self.world.time.wall_ms();
        let (kind, reason) = (PauseKind::Person, "a person".to_owned());
        let pause = Pause { kind, reason, code: None, since_ms, next_probe_at_ms: None };
        self.store.set_pause(Some(pause)).await.unwrap();
        self.world.paused.lock().unwrap().get_or_insert_with(Instant::now);
    }

    async fn resume(&self) {
        *self.world.paused.lock().unwrap() = None;
        if self.store.pause().await.unwrap().is_some_and(|pause| pause.kind == PauseKind::Person) {
            self.store.set_pause(None).await.unwrap();
        }
    }

    async fn retry(&self, place: usize) {
        if !self.world.manifests.lock().unwrap()[place].is_there {
            return;
        }
        let ended =
            |job: &Job| matches!(job.state, State::Failed | State::Cancelled | State::Succeeded);
        let Some(job) = self.any_job().await.filter(|job| ended(job) && !job.was_removed()) else {
            return;
        };
        let moment = self.world.moment();
        let again = apply(&job, Outcome::Retried, &moment, &self.world.settings.policy).unwrap();
        match self.store.record_retry(again, moment.now_ms).await {
            Ok(_) => {
                *self.world.retries.lock().unwrap().entry(job.spec.key.clone()).or_default() += 1
            }
            Err(StoreError::Stale { .. }) => return,
            Err(error) => panic!("{error}"),
        }
        // The inbox reads the manifest again.
        let mine = |path: &str| {
            job.spec.key.starts_with(path.trim_end_matches("yaml").trim_end_matches('.'))
        };
        let manifests = self.world.manifests.lock().unwrap().clone();
        let place = manifests.iter().position(|manifest| mine(&manifest.path)).unwrap();
        if manifests[place].is_there {
            self.drop_in(place).await;
        }
    }

    /// Says something of a job, if it is such as it is meant for.
    async fn say(&self, outcome: Outcome, fits: impl Fn(&Job) -> bool) {
        if let Some(job) = self.any_job().await.filter(fits) {
            self.apply(&job, outcome).await;
        }
    }

    async fn apply(&self, job: &Job, outcome: Outcome) {
        let moment = self.world.moment();
        let moved = apply(job, outcome, &moment, &self.world.settings.policy).unwrap();
        match self.store.record(moved, None, moment.now_ms).await {
            Ok(_) | Err(StoreError::Stale { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    async fn any_job(&self) -> Option<Job> {
        let keys = self.keys();
        self.store.job_by_key(&keys[self.chance.index(keys.len())]).await.unwrap()
    }

    fn keys(&self) -> Vec<String> {
        let manifests = self.world.manifests.lock().unwrap();
        let jobs = manifests.iter().flat_map(|manifest| &manifest.jobs);
        jobs.map(|job| job.spec.key.clone()).collect()
    }

    /// Decides what only a person can, with the account's own ledger at hand, and after some thought:
    /// what was sent may arrive late.
    pub async fn decide(&self) {
        for key in self.keys() {
            let job = self.store.job_by_key(&key).await.unwrap();
            let Some(job) = job.filter(|job| job.state == State::Unresolved) else {
                self.undecided.lock().unwrap().remove(&key);
                continue;
            };
            let seen = *self.undecided.lock().unwrap().entry(key).or_insert_with(Instant::now);
            if seen.elapsed() < THINKS {
                continue;
            }
            let ledger = self.world.sim().ledger(self.world.time.true_ms());
            let name = Some(job.external_task_id());
            let task = ledger.tasks.into_iter().find(|task| task.external_task_id == name);
            let word = task.map_or(Outcome::ResolvedAsUnsent, |task| Outcome::ResolvedAs {
                task_id: task.task_id,
            });
            self.apply(&job, word).await;
            self.ring();
        }
    }

    /// Leaves everything as it is to be worked off: all manifests in the folder, no pause.
    pub async fn settle_down(&self) {
        self.resume().await;
        let count = self.world.manifests.lock().unwrap().len();
        for place in 0..count {
            self.bring_back(place).await;
        }
        self.ring();
    }
}
