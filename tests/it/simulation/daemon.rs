//! A simulated daemon: inbox and pipeline side by side, on the database of the world.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use lipsyncd::{
    inbox::{Inbox, InboxSettings, InboxSignals, MediaChecker},
    manifest::IgnorePatterns,
    media::VideoHost,
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
    mistakes::Mistaken,
    process::Process,
    users::{Signals, Users},
    world::World,
};

const SETTLE: Duration = Duration::from_secs(1);

/// A running daemon.
pub struct Daemon {
    pub stop: CancellationToken,
    pub work: JoinHandle<Result<End, StoreError>>,
}

impl Daemon {
    /// Waits for the daemon if it was asked to stop, then drops it. Ending without being asked is a violation.
    pub async fn end(self, world: &World) {
        if !self.stop.is_cancelled() && self.work.is_finished() {
            world.report_violation(format!("the daemon ended by itself: {:?}", self.work.await));
            return;
        }
        if self.stop.is_cancelled() {
            sleep(Duration::from_secs(10)).await;
        }
        self.work.abort();
        match self.work.await {
            Ok(Err(error)) => world.report_violation(format!("the daemon ended: {error}")),
            Err(error) if error.is_panic() => {
                world.report_violation(format!("the daemon ended: {error}"))
            }
            _ => {}
        }
    }
}

/// Starts a daemon that is killed after so many steps, and scans the folder in this interval.
pub fn start_daemon(
    world: &Arc<World>,
    users: &Users,
    steps: Option<i64>,
    rescan: Duration,
) -> (Arc<Process>, Daemon) {
    let process = Process::new(steps, world.chance.fork());
    let signals = Signals::default();
    let (nudge, scan) = (Arc::clone(&signals.nudge), Arc::clone(&signals.scan));
    *users.signals.lock().unwrap() = signals;
    *world.is_scanned.lock().unwrap() = false;
    *world.rescan.lock().unwrap() = rescan;
    world.log("the daemon starts");
    let stop = CancellationToken::new();
    let account_ref = world.account_ref();
    let api = SimulatedApi { world: Arc::clone(world), process: Arc::clone(&process), account_ref };
    let (mistake, sent) = (world.mistake, Arc::clone(&world.sent_names));
    let api = Mistaken { api, mistake, sent };
    let is_scanned = Arc::new(AtomicBool::new(false));
    let offload = Offload::Inline(process.simulation_hook());
    let account = account_ref.account();
    let mut settings = Settings { account, offload, is_scanned, ..world.settings.clone() };
    if let Some(mistake) = mistake {
        mistake.set(&mut settings);
        users.prepare_database(mistake.sql());
    }
    let inbox_settings = inbox(world, &settings, rescan);
    let times = Arc::clone(world);
    let clock = Clock::new(move || times.time.wall_ms(), world.chance.next());
    let (path, simulation_hook, stop_signal) =
        (world.state_db(), process.simulation_hook(), stop.clone());
    let world = Arc::clone(world);
    let work = tokio::spawn(async move {
        let store = Store::open_here(&path, simulation_hook)?;
        let caps = settings.caps;
        store.begin(1, clock.now_ms(), settings.slots, caps).await?;
        let media_checker = MediaChecker::new(settings.locator.clone(), VideoHost::Nowhere, SETTLE);
        let moments = Arc::clone(&world);
        let inbox =
            Inbox::new(inbox_settings, store.clone(), media_checker, move || moments.moment())
                .await?;
        let pipeline = Pipeline::new(api, store, clock, settings).await?;
        let more_to_come = Arc::new(AtomicBool::new(true));
        let inbox_stop = CancellationToken::new();
        let passed = move |passed: Result<(), &str>| {
            *world.is_scanned.lock().unwrap() |= passed.is_ok();
        };
        let signals = InboxSignals {
            rescan: scan,
            store_changed: Arc::clone(&nudge),
            more_to_come: Arc::clone(&more_to_come),
            stop: inbox_stop.clone(),
        };
        let inbox_work = inbox.run(signals, passed);
        let pipeline_work =
            pipeline.run(nudge, stop_signal, Until::Stopped, more_to_come, Heartbeat::NONE);
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
    (process, Daemon { stop, work })
}

fn inbox(world: &World, settings: &Settings, rescan_interval: Duration) -> InboxSettings {
    InboxSettings {
        jobs_dir: settings.locator.jobs_dir.clone(),
        media_dirs: settings.locator.media_dirs.clone(),
        ignore: IgnorePatterns::default(),
        settle: SETTLE,
        trusts_old_times: true,
        rescan_interval,
        policy: settings.policy.clone(),
        on_change: world.on_change,
        offload: settings.offload.clone(),
        watches: false,
        is_scanned: Arc::clone(&settings.is_scanned),
        metrics: settings.metrics.clone(),
    }
}
