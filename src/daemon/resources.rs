//! What all generations share: the lock, the open database, the clock, the metrics, the service manager.
//!
//! Opened once. Knows nothing of inbox and pipeline.

use std::{
    convert::Infallible,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{task::spawn_blocking, time::sleep};
use tracing::warn;

use super::{
    DaemonError, Inputs, service_manager::ServiceManager, settings, status_line::one_line,
    ticks::Ticks,
};
use crate::{
    config::Config,
    metrics::{AttachedStore, Metrics, Server},
    pipeline::{Clock, Until},
    store::{Lock, Store, StoreError},
    web::WebServer,
};

const OPEN_AGAIN: Duration = Duration::from_millis(500);
/// How often the store is asked whether the database can be written.
const PROBLEM_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Resources {
    pub(super) metrics: Metrics,
    pub(super) server: Server,
    /// Reads the store, too.
    pub(super) web: WebServer,
    /// Reads the store, and so is dropped before it.
    _attached: AttachedStore,
    pub(super) lock: Lock,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) ticks: Ticks,
    pub(super) manager: Arc<ServiceManager>,
    pub(super) started_at_ms: i64,
    pub(super) until: Until,
}

impl Resources {
    /// Takes the lock, serves the metrics, opens the database, and serves the web page. Waits for a database that another process keeps
    /// locked, or whose disk is full.
    pub(super) async fn open(
        inputs: &Inputs,
        until: Until,
        manager: &Arc<ServiceManager>,
    ) -> Result<Self, DaemonError> {
        let config = &inputs.config;
        let clock = Clock::system();
        let started_at_ms = clock.now_ms();
        prepare_folders(config, until)?;
        let lock = Lock::take(&config.state_db)?;
        let metrics = Metrics::new();
        let server = Server::start(&metrics, config.metrics.listen).await?;
        let manager = Arc::clone(manager);
        manager.status("opening the state database");
        let store = open_store(&config.state_db, &lock, &manager).await?;
        let web = WebServer::start(&store, settings::web(inputs)).await?;
        let _attached = metrics.attach(&store);
        Ok(Self {
            metrics,
            server,
            web,
            _attached,
            lock,
            store,
            clock,
            ticks: Ticks::new(),
            manager,
            started_at_ms,
            until,
        })
    }

    /// Runs `work`, and reports in the meantime why the database cannot be used.
    pub(super) async fn report_problems_during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.report_problems() => match never {},
        }
    }

    /// Reports why the database cannot be used: in the lock file, because the database cannot be written. Each try
    /// of the store keeps the watchdog alive, because the scheduler waits for the store.
    pub(super) async fn report_problems(&self) -> Infallible {
        // The lock file may contain the problem that kept the database from being opened.
        let mut reported = None;
        let mut tries = self.store.failed_tries();
        let mut ticks = self.ticks.every(PROBLEM_EVERY);
        loop {
            ticks.tick().await;
            let problem = self.store.problem();
            if reported.as_ref() != Some(&problem) {
                self.lock.report(problem.as_deref());
                if let Some(problem) = &problem {
                    self.manager.status(&waiting(problem));
                }
                reported = Some(problem);
            }
            let before = std::mem::replace(&mut tries, self.store.failed_tries());
            if tries != before {
                self.manager.keep_alive();
            }
        }
    }
}

/// Creates the folders of output and database.
pub(super) fn prepare_folders(config: &Config, until: Until) -> Result<(), DaemonError> {
    let failed = |what, path: &PathBuf| {
        let path = path.clone();
        move |source| DaemonError::Folder { what, path, source }
    };
    // The folder of manifests is only read, so it is not created. A daemon waits for it, because its share may not be
    // mounted yet. A single run has nothing to do without it.
    if until == Until::Idle {
        fs::read_dir(&config.jobs_dir).map_err(failed("jobs_dir", &config.jobs_dir))?;
    }
    fs::create_dir_all(&config.output_dir).map_err(failed("output_dir", &config.output_dir))?;
    if let Some(folder) = config.state_db.parent() {
        fs::create_dir_all(folder).map_err(failed("the folder of state_db", &folder.to_owned()))?;
    }
    Ok(())
}

async fn open_store(
    database: &Path,
    lock: &Lock,
    manager: &ServiceManager,
) -> Result<Store, DaemonError> {
    let mut is_reported = false;
    loop {
        let path = database.to_owned();
        let opening = spawn_blocking(move || Store::open_alone(&path));
        let opened = keep_alive_during(opening, manager).await.unwrap_or_else(|panicked| {
            Err(StoreError::Io { path: database.to_owned(), source: panicked.into() })
        });
        match opened {
            Err(error) if error.is_waited_out() => {
                if !is_reported {
                    warn!("{error}; waiting until it can be opened");
                    lock.report(Some(&error.to_string()));
                    manager.status(&waiting(&error.to_string()));
                }
                is_reported = true;
                manager.keep_alive();
                sleep(OPEN_AGAIN).await;
            }
            opened => return Ok(opened?),
        }
    }
}

/// Migrating an older database takes long, and shows no progress.
async fn keep_alive_during<T>(opening: impl Future<Output = T>, manager: &ServiceManager) -> T {
    tokio::pin!(opening);
    loop {
        tokio::select! {
            opened = &mut opening => return opened,
            () = sleep(PROBLEM_EVERY) => manager.keep_alive(),
        }
    }
}

fn waiting(problem: &str) -> String {
    format!("waiting for the database: {}", one_line(problem))
}
