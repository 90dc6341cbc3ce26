//! One seed from its first life to its end: the daemon lives, dies and is started again, until the
//! weather is calm and all is done.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use lipsyncd::{
    pipeline::{Clock, End, Offload, Pipeline, Pulse, Settings, Until},
    store::{Store, StoreError},
};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    api::SimulatedApi,
    check::{check_at_any_time, check_at_the_end, texts},
    life::Life,
    people::People,
    world::World,
};

/// When all is calm, everything is done by then.
const PATIENCE: Duration = Duration::from_secs(12 * 86_400);

/// What came of a seed.
pub struct Story {
    /// What must never be, and was.
    pub faults: Vec<String>,
    /// All that happened, a line each.
    pub history: Vec<String>,
    pub lives: u32,
    pub tasks: usize,
}

/// Plays one seed.
pub fn play(seed: u64) -> Story {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let world = World::new(seed);
        let lives = live(&world).await;
        tell(&world, lives)
    })
}

async fn live(world: &Arc<World>) -> u32 {
    let people = People::arrive(world).await;
    let lives = world.chance.between(0, 6);
    for _ in 0..lives {
        let steps = *world.chance.pick(&[15, 60, 250, 1_000]);
        let steps = world.chance.between(1, steps);
        {
            let long = Duration::from_secs(world.chance.between(1, 5_000).unsigned_abs());
            let (life, daemon) = begin(world, &people, Some(steps));
            tokio::select! {
                biased;
                () = life.ended() => {}
                () = people.meddle() => {}
                // Stopped as by SIGTERM, or killed while it rests.
                () = sleep(long), if world.chance.happens(0.7) => {
                    if world.chance.happens(0.5) {
                        daemon.stop.cancel();
                        tokio::select! {
                            () = life.ended() => {}
                            () = sleep(Duration::from_secs(10)) => {}
                        }
                    }
                }
            }
            life.end();
            daemon.end(world).await;
        }
        check_at_any_time(world);
        sleep(Duration::from_millis(world.chance.between(0, 300_000).unsigned_abs())).await;
    }
    world.weather.clear_up();
    people.settle_down().await;
    let (_life, daemon) = begin(world, &people, None);
    wait_for_the_end(world, &people, &daemon).await;
    daemon.stop.cancel();
    daemon.end(world).await;
    check_at_any_time(world);
    check_at_the_end(world);
    u32::try_from(lives + 1).unwrap()
}

/// A daemon at work.
struct Daemon {
    stop: CancellationToken,
    work: JoinHandle<Result<End, StoreError>>,
}

impl Daemon {
    /// Lets go of all that is left of it. Of itself it ends only when it was told to.
    async fn end(self, world: &World) {
        if !self.stop.is_cancelled() && self.work.is_finished() {
            world.accuse(format!("the daemon ended by itself: {:?}", self.work.await));
            return;
        }
        if self.stop.is_cancelled() {
            sleep(Duration::from_secs(10)).await;
        }
        self.work.abort();
        if let Ok(Err(error)) = self.work.await {
            world.accuse(format!("the daemon ended: {error}"));
        }
    }
}

fn begin(world: &Arc<World>, people: &People, steps: Option<i64>) -> (Arc<Life>, Daemon) {
    let life = Life::new(steps, world.chance.fork());
    let nudge = Arc::new(Notify::new());
    *people.nudge.lock().unwrap() = Arc::clone(&nudge);
    let stop = CancellationToken::new();
    let api = SimulatedApi { world: Arc::clone(world), life: Arc::clone(&life) };
    let offload = Offload::Here(life.interlude());
    let settings = Settings { offload, ..world.settings.clone() };
    let times = Arc::clone(world);
    let clock = Clock::new(move || times.time.wall_ms(), world.chance.next());
    let (path, interlude) = (world.state_db(), life.interlude());
    let told = stop.clone();
    let work = tokio::spawn(async move {
        let store = Store::open_here(&path, interlude)?;
        let cap_micro = settings.units_per_day_micro;
        store.begin(1, clock.now_ms(), settings.slots, cap_micro).await?;
        let pipeline = Pipeline::new(api, store, clock, settings).await?;
        pipeline
            .run(nudge, told, Until::Stopped, Arc::new(AtomicBool::new(true)), Pulse::NONE)
            .await
    });
    (life, Daemon { stop, work })
}

async fn wait_for_the_end(world: &World, people: &People, daemon: &Daemon) {
    let database = world.database();
    let unfinished =
        "SELECT key || ' ' || state || ': ' || coalesce(waiting_for, '') FROM job_overview
                      WHERE state NOT IN ('succeeded', 'failed', 'cancelled')";
    let mut count = database
        .prepare("SELECT count(*) FROM job WHERE state NOT IN ('succeeded', 'failed', 'cancelled')")
        .unwrap();
    let mut undecided =
        database.prepare("SELECT count(*) FROM job WHERE state = 'unresolved'").unwrap();
    let began = Instant::now();
    for looks in 1.. {
        if count.query_row([], |row| row.get::<_, i64>(0)).unwrap() == 0 {
            return;
        }
        if daemon.work.is_finished() {
            return world.accuse("the daemon ended by itself");
        }
        if began.elapsed() > PATIENCE {
            return world.accuse(format!("never done: {:?}", texts(&database, unfinished)));
        }
        if looks % 12 == 0 {
            check_at_any_time(world);
        }
        if !world.faults.lock().unwrap().is_empty() {
            return;
        }
        if undecided.query_row([], |row| row.get::<_, i64>(0)).unwrap() > 0 {
            people.decide().await;
        }
        sleep(Duration::from_secs(300)).await;
    }
}

fn tell(world: &World, lives: u32) -> Story {
    let history = texts(
        &world.database(),
        "SELECT at || ' ' || key || ': ' || coalesce(from_state, '') || ' > ' || to_state || ': ' || what
         FROM job_history",
    );
    let faults = std::mem::take(&mut *world.faults.lock().unwrap());
    let tasks = world.sim().ledger(world.time.true_ms()).tasks.len();
    Story { faults, history, lives, tasks }
}
