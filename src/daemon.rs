//! The daemon: takes the lock, starts inbox and pipeline side by side, and ends them in order.
//!
//! Owns no work of its own; what it starts can be dropped at any moment and goes on from the
//! database at the next start.

mod retain;
mod settings;

use std::{
    convert::Infallible,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use settings::{locator, policy};

use crate::{
    config::{Config, Credentials},
    inbox::{Inbox, Looker},
    kling::{BuildError, Client},
    pipeline::{Clock, End, Pipeline, Until},
    store::{Change, Lock, LockError, Store, StoreError},
};

/// How often the daemon looks whether a command changed the database.
const CHANGES_EVERY: Duration = Duration::from_millis(500);
/// How long to wait before a database that cannot be opened yet is tried again.
const OPEN_AGAIN: Duration = Duration::from_millis(500);

/// Told to stop, the daemon is gone after so long, whatever it waits for.
const STOP_MAX: Duration = Duration::from_millis(9_500);
/// How long the inbox gets to finish what it has in hand, after the pipeline had its time.
const INBOX_END: Duration = Duration::from_secs(1);

/// Why the daemon cannot run, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another daemon works on the same database.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database cannot be opened, or failed for good.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client of the API cannot be built.
    #[error(transparent)]
    Client(#[from] BuildError),
    /// A folder that must be there is not, and cannot be made.
    #[error("{what} {}: {source}", path.display())]
    Folder {
        /// The key of the configuration.
        what: &'static str,
        /// The folder.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// Runs until `stop`, or until nothing is left that moves by itself. `look` asks for a look at the
/// folder at once.
///
/// # Errors
/// When it cannot start, or the database fails for good.
pub async fn run(
    config: &Config,
    credentials: &Credentials,
    until: Until,
    look: Arc<Notify>,
    stop: CancellationToken,
) -> Result<End, DaemonError> {
    let begun = tokio::select! {
        biased;
        // Nothing is under way yet that would have to be ended in order.
        () = stop.cancelled() => return Ok(End::Stopped),
        begun = begin(config, credentials, until) => begun?,
    };
    let overdue = async {
        stop.cancelled().await;
        sleep(STOP_MAX).await;
    };
    tokio::select! {
        ended = begun.work(until, look, stop.clone()) => ended,
        // Whoever keeps the database locked must not keep this daemon alive.
        () = overdue => Ok(End::Stopped),
    }
}

/// A daemon that holds its lock and has read its database.
struct Begun {
    lock: Lock,
    store: Store,
    inbox: Inbox,
    pipeline: Pipeline<Client>,
    clock: Clock,
    keep_history: Option<Duration>,
}

async fn begin(
    config: &Config,
    credentials: &Credentials,
    until: Until,
) -> Result<Begun, DaemonError> {
    let clock = Clock::system();
    let settings = settings::pipeline(config, credentials);
    prepare_folders(config, until)?;
    let lock = Lock::take(&config.state_db)?;
    let client = Client::new(settings::client(config), settings::credential(credentials))?;
    let store = open(&config.state_db, &lock).await?;
    let cap_micro = settings.units_per_day_micro;
    let tell = tell_trouble(&store, &lock);
    let read = async {
        store.begin(std::process::id(), clock.now_ms(), settings.slots, cap_micro).await?;
        let looker = Looker::new(
            settings.locator.clone(),
            config.media.public_base_url.clone(),
            config.watch.settle,
        );
        let (moments, inbox_settings) = (clock.clone(), settings::inbox(config, &settings));
        let inbox =
            Inbox::new(inbox_settings, store.clone(), looker, move || moments.moment()).await?;
        let account = settings.account.clone();
        let pipeline = Pipeline::new(client, store.clone(), clock.clone(), settings).await?;
        info!(
            "lipsyncd {} works on {} as {account}, state in {}",
            env!("CARGO_PKG_VERSION"),
            config.jobs_dir.display(),
            config.state_db.display()
        );
        Ok::<_, StoreError>((inbox, pipeline))
    };
    let (inbox, pipeline) = tokio::select! {
        read = read => read?,
        never = tell => match never {},
    };
    Ok(Begun { lock, store, inbox, pipeline, clock, keep_history: config.retention.history })
}

/// Opens the database; one that others keep locked, or whose disk is full, is waited for.
async fn open(database: &Path, lock: &Lock) -> Result<Store, DaemonError> {
    let mut told = false;
    loop {
        let path = database.to_owned();
        let opened = match spawn_blocking(move || Store::open_alone(&path)).await {
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
                }
                told = true;
                sleep(OPEN_AGAIN).await;
            }
            Err(error) => return Err(error.into()),
            Ok(store) => return Ok(store),
        }
    }
}

impl Begun {
    async fn work(
        self,
        until: Until,
        look: Arc<Notify>,
        stop: CancellationToken,
    ) -> Result<End, DaemonError> {
        let Self { lock, store, inbox, pipeline, clock, keep_history } = self;
        let nudge = Arc::new(Notify::new());
        let more_to_come = Arc::new(AtomicBool::new(true));
        let inbox_stop = stop.child_token();
        let inbox_work = inbox.run(
            Arc::clone(&look),
            Arc::clone(&nudge),
            Arc::clone(&more_to_come),
            || info!("the folder has been read"),
            inbox_stop.clone(),
        );
        let changes = watch_changes(store.clone(), Arc::clone(&look), Arc::clone(&nudge));
        let tell = tell_trouble(&store, &lock);
        let retain = retain::retain(&store, keep_history, || clock.now_ms());
        let pipeline_work = pipeline.run(nudge, stop, until, more_to_come);
        tokio::pin!(inbox_work, changes, tell, retain, pipeline_work);
        let mut inbox_ended = false;
        loop {
            tokio::select! {
                ended = &mut pipeline_work => {
                    inbox_stop.cancel();
                    // Others may have locked the database: what the inbox had in hand is read again.
                    if !inbox_ended && let Ok(ended) = timeout(INBOX_END, &mut inbox_work).await {
                        ended?;
                    }
                    info!("ended");
                    return Ok(ended?);
                }
                ended = &mut inbox_work, if !inbox_ended => {
                    inbox_ended = true;
                    ended?;
                }
                failed = &mut changes => return Err(failed.into()),
                never = &mut tell => match never {},
                failed = &mut retain => match failed? {},
            }
        }
    }
}

/// Keeps in the lock file why the database cannot be written: where else could it be told?
async fn tell_trouble(store: &Store, lock: &Lock) -> Infallible {
    // What kept it from being opened may stand there.
    let mut told = None;
    loop {
        let trouble = store.trouble();
        if told.as_ref() != Some(&trouble) {
            lock.tell(trouble.as_deref());
            told = Some(trouble);
        }
        sleep(CHANGES_EVERY).await;
    }
}

/// Rings when another process changed the database; returns only when that cannot be told.
async fn watch_changes(store: Store, look: Arc<Notify>, nudge: Arc<Notify>) -> StoreError {
    let mut before = None;
    loop {
        let found = match store.look_for_others(before).await {
            Ok(found) => found,
            Err(error) => return error,
        };
        found.by_people.iter().for_each(Change::log);
        if found.changed {
            look.notify_one();
            nudge.notify_one();
        }
        before = Some(found.mark);
        sleep(CHANGES_EVERY).await;
    }
}

fn prepare_folders(config: &Config, until: Until) -> Result<(), DaemonError> {
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
