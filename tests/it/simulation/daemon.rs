//! One daemon at work: the inbox and the pipeline side by side, on the database of the world.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use lipsyncd::{
    inbox::{Inbox, InboxSettings, Looker},
    pipeline::{Clock, End, Heartbeat, Offload, Pipeline, Settings, Until},
    store::{Store, StoreError},
};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    api::SimulatedApi,
    life::Life,
    mistakes::Mistaken,
    people::{Bells, People},
    world::World,
};

const SETTLE: Duration = Duration::from_secs(1);

/// A daemon at work.
pub struct Daemon {
    pub stop: CancellationToken,
    pub work: JoinHandle<Result<End, StoreError>>,
}

impl Daemon {
    /// Lets go of all that is left of it. Of itself it ends only when it was told to.
    pub async fn end(self, world: &World) {
        if !self.stop.is_cancelled() && self.work.is_finished() {
            world.accuse(format!("the daemon ended by itself: {:?}", self.work.await));
            return;
        }
        if self.stop.is_cancelled() {
            sleep(Duration::from_secs(10)).await;
        }
        self.work.abort();
        match self.work.await {
            Ok(Err(error)) => world.accuse(format!("the daemon ended: {error}")),
            Err(error) if error.is_panic() => world.accuse(format!("the daemon ended: {error}")),
            _ => {}
        }
    }
}

/// Starts a daemon, which lives for so many steps, and scans the folder so often.
pub fn begin(
    world: &Arc<World>,
    people: &People,
    steps: Option<i64>,
    rescan: Duration,
) -> (Arc<Life>, Daemon) {
    let life = Life::new(steps, world.chance.fork());
    let bells = Bells::default();
    let (nudge, look) = (Arc::clone(&bells.nudge), Arc::clone(&bells.look));
    *people.bells.lock().unwrap() = bells;
    *world.is_scanned.lock().unwrap() = false;
    *world.rescan.lock().unwrap() = rescan;
    world.act("the daemon starts");
    let stop = CancellationToken::new();
    let place = world.place();
    let api = SimulatedApi { world: Arc::clone(world), life: Arc::clone(&life), place };
    let (mistake, sent) = (world.mistake, Arc::clone(&world.sent_names));
    let api = Mistaken { api, mistake, sent };
    let is_scanned = Arc::new(AtomicBool::new(false));
    let offload = Offload::Inline(life.simulation_hook());
    let account = place.account();
    let mut settings = Settings { account, offload, is_scanned, ..world.settings.clone() };
    if let Some(mistake) = mistake {
        mistake.set(&mut settings);
        people.prepare_database(mistake.sql());
    }
    let inbox_settings = inbox(world, &settings, rescan);
    let times = Arc::clone(world);
    let clock = Clock::new(move || times.time.wall_ms(), world.chance.next());
    let (path, simulation_hook, told) = (world.state_db(), life.simulation_hook(), stop.clone());
    let world = Arc::clone(world);
    let work = tokio::spawn(async move {
        let store = Store::open_here(&path, simulation_hook)?;
        let cap_micro = settings.units_per_day_micro;
        store.begin(1, clock.now_ms(), settings.slots, cap_micro).await?;
        let looker = Looker::new(settings.locator.clone(), None, SETTLE);
        let moments = Arc::clone(&world);
        let inbox =
            Inbox::new(inbox_settings, store.clone(), looker, move || moments.moment()).await?;
        let pipeline = Pipeline::new(api, store, clock, settings).await?;
        let more_to_come = Arc::new(AtomicBool::new(true));
        let inbox_stop = CancellationToken::new();
        let passed = move |passed: Result<(), &str>| {
            *world.is_scanned.lock().unwrap() |= passed.is_ok();
        };
        let more = Arc::clone(&more_to_come);
        let inbox_work = inbox.run(look, Arc::clone(&nudge), more, passed, inbox_stop.clone());
        let pipeline_work =
            pipeline.run(nudge, told, Until::Stopped, more_to_come, Heartbeat::NONE);
        tokio::pin!(inbox_work, pipeline_work);
        tokio::select! {
            biased;
            ended = &mut pipeline_work => {
                inbox_stop.cancel();
                if let Ok(ended) = timeout(Duration::from_secs(1), inbox_work).await {
                    ended?;
                }
                ended
            }
            ended = &mut inbox_work => {
                ended?;
                pipeline_work.await
            }
        }
    });
    (life, Daemon { stop, work })
}

fn inbox(world: &World, settings: &Settings, rescan_interval: Duration) -> InboxSettings {
    InboxSettings {
        jobs_dir: settings.locator.jobs_dir.clone(),
        media_dirs: settings.locator.media_dirs.clone(),
        settle: SETTLE,
        rescan_interval,
        policy: settings.policy.clone(),
        on_change: world.on_change,
        offload: settings.offload.clone(),
        watches: false,
        is_scanned: Arc::clone(&settings.is_scanned),
        metrics: settings.metrics.clone(),
    }
}
