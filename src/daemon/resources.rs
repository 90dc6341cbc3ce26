//! What stays through all reloads: the lock, the open database, the clock, what is counted.
//!
//! It is laid once. It must not know what the work is that is done on it.

use std::{
    convert::Infallible,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{task::spawn_blocking, time::sleep};
use tracing::warn;

use super::{DaemonError, service_manager::ServiceManager};
use crate::{
    config::Config,
    metrics::{AttachedStore, Metrics, Server},
    pipeline::{Clock, Until},
    store::{Lock, Store, StoreError},
};

/// How long to wait before a database that cannot be opened yet is tried again.
const OPEN_AGAIN: Duration = Duration::from_millis(500);
/// How often it is looked whether the database can be written.
const PROBLEM_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Resources {
    /// What is counted, for whoever reads it at `server`.
    pub(super) metrics: Metrics,
    pub(super) server: Server,
    /// Ends before the store does, which it asks.
    _watched: AttachedStore,
    pub(super) lock: Lock,
    pub(super) store: Store,
    pub(super) clock: Clock,
    /// When (Unix ms) the daemon began.
    pub(super) began_at_ms: i64,
    /// Works until it is told to stop, or until nothing is left to do.
    pub(super) until: Until,
}

impl Resources {
    /// Takes the lock, serves the metrics, and opens the database; one that others keep locked, or whose disk is full, is
    /// waited for.
    pub(super) async fn open(
        config: &Config,
        until: Until,
        manager: &ServiceManager,
    ) -> Result<Self, DaemonError> {
        let clock = Clock::system();
        let began_at_ms = clock.now_ms();
        prepare_folders(config, until)?;
        let lock = Lock::take(&config.state_db)?;
        let metrics = Metrics::new();
        let server = Server::start(&metrics, config.metrics.listen).await?;
        manager.status("opening the state database");
        let store = open(&config.state_db, &lock, manager).await?;
        let watched = metrics.attach(&store);
        Ok(Self { metrics, server, _watched: watched, lock, store, clock, began_at_ms, until })
    }

    /// Does `work`, and tells meanwhile why the database cannot be used, if so.
    pub(super) async fn unless_locked<T>(
        &self,
        work: impl Future<Output = T>,
        manager: &ServiceManager,
    ) -> T {
        tokio::select! {
            done = work => done,
            never = self.print_problem(manager) => match never {},
        }
    }

    /// Keeps in the lock file why the database cannot be used: where else could it be told? The store
    /// tries again and again, and that it does is a sign of life: the scheduler waits for it.
    pub(super) async fn print_problem(&self, manager: &ServiceManager) -> Infallible {
        // What kept it from being opened may stand there.
        let mut told = None;
        let mut tries = self.store.failed_tries();
        loop {
            let trouble = self.store.problem();
            if told.as_ref() != Some(&trouble) {
                self.lock.tell(trouble.as_deref());
                if let Some(words) = &trouble {
                    manager.status(&waits(words));
                }
                told = Some(trouble);
            }
            let before = std::mem::replace(&mut tries, self.store.failed_tries());
            if tries != before {
                manager.feed();
            }
            sleep(PROBLEM_EVERY).await;
        }
    }
}

/// Makes what can be made.
///
/// # Errors
/// When a folder that must be there is not.
pub(super) fn prepare_folders(config: &Config, until: Until) -> Result<(), DaemonError> {
    let told = |what, path: &PathBuf| {
        let path = path.clone();
        move |source| DaemonError::Folder { what, path, source }
    };
    // The folder of manifests is only ever read. A daemon waits for it, as for a share that is not
    // mounted yet; a single run has nothing to do without it.
    if until == Until::Idle {
        fs::read_dir(&config.jobs_dir).map_err(told("jobs_dir", &config.jobs_dir))?;
    }
    fs::create_dir_all(&config.output_dir).map_err(told("output_dir", &config.output_dir))?;
    if let Some(folder) = config.state_db.parent() {
        fs::create_dir_all(folder).map_err(told("the folder of state_db", &folder.to_owned()))?;
    }
    Ok(())
}

async fn open(
    database: &Path,
    lock: &Lock,
    manager: &ServiceManager,
) -> Result<Store, DaemonError> {
    let mut told = false;
    loop {
        let path = database.to_owned();
        let opening = spawn_blocking(move || Store::open_alone(&path));
        let opened = match while_feeding(opening, manager).await {
            Ok(opened) => opened,
            Err(panicked) => {
                Err(StoreError::Io { path: database.to_owned(), source: panicked.into() })
            }
        };
        match opened {
            Err(error) if error.is_waited_out() => {
                if !told {
                    warn!("{error}; waiting until it can be opened");
                    lock.tell(Some(&error.to_string()));
                    manager.status(&waits(&error.to_string()));
                }
                told = true;
                manager.feed();
                sleep(OPEN_AGAIN).await;
            }
            Err(error) => return Err(error.into()),
            Ok(store) => return Ok(store),
        }
    }
}

/// An older database takes its time, and nothing of it can be seen from outside until it is done.
async fn while_feeding<T>(opening: impl Future<Output = T>, manager: &ServiceManager) -> T {
    tokio::pin!(opening);
    loop {
        tokio::select! {
            opened = &mut opening => return opened,
            () = sleep(PROBLEM_EVERY) => manager.feed(),
        }
    }
}

fn waits(why: &str) -> String {
    format!("waits until it can go on: {}", super::status_line::one_line(why))
}
