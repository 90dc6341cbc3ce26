//! The daemon: takes the lock, has inbox and pipeline work side by side, and ends them in order.
//!
//! Owns no work of its own; what it starts can be dropped at any moment and goes on from the
//! database at the next start. A reload is just that, without the end of the process.

mod background;
mod generation;
mod reload;
mod resources;
mod retain;
mod service_manager;
mod settings;
mod status_line;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::info;

pub use settings::{account, connect, locator, policy};

use crate::{
    config::{Config, Credentials},
    kling::BuildError,
    metrics::ListenError,
    pipeline::{End, Until},
    store::{LockError, StoreError},
};
use generation::{Generation, GenerationEnd};
use resources::Resources;
use service_manager::ServiceManager;

/// Controls to stop, the daemon is gone after so long, whatever it waits for.
const STOP_MAX: Duration = Duration::from_millis(9_500);

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
    /// Metrics cannot be served where they are to be.
    #[error(transparent)]
    Metrics(#[from] ListenError),
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

/// With what it works.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The settings.
    pub config: Config,
    /// As whom.
    pub credentials: Credentials,
}

/// Reads what is given anew, for a reload; what is wrong with it is told in words.
pub type ReadInputs = Arc<dyn Fn() -> Result<Inputs, String> + Send + Sync>;

/// What it is told from outside while it runs.
#[derive(Debug, Clone, Default)]
pub struct Controls {
    /// Read the settings again, and look at the folder at once.
    pub reload: Arc<Notify>,
    /// End.
    pub stop: CancellationToken,
}

/// Runs until it is told to stop, or until nothing is left that moves by itself.
///
/// # Errors
/// When it cannot start, or the database fails for good.
pub async fn run(
    given: Inputs,
    reread: ReadInputs,
    until: Until,
    told: Controls,
) -> Result<End, DaemonError> {
    let manager = ServiceManager::from_env();
    let base = tokio::select! {
        biased;
        // Nothing is under way yet that would have to be ended in order.
        () = told.stop.cancelled() => return Ok(End::Stopped),
        base = Resources::open(&given.config, until, &manager) => base?,
    };
    let overdue = async {
        told.stop.cancelled().await;
        manager.stopping();
        sleep(STOP_MAX).await;
    };
    tokio::select! {
        biased;
        // Whoever keeps the database locked must not keep this daemon alive.
        () = overdue => Ok(End::Stopped),
        ended = shifts(&base, given, reread, &told, &manager) => ended,
    }
}

/// Works with one set of settings after another.
async fn shifts(
    base: &Resources,
    mut given: Inputs,
    reread: ReadInputs,
    told: &Controls,
    manager: &ServiceManager,
) -> Result<End, DaemonError> {
    let mut is_reload = false;
    loop {
        let begun = base.unless_locked(Generation::start(base, &given, manager), manager);
        let work = tokio::select! {
            biased;
            () = told.stop.cancelled() => return Ok(End::Stopped),
            begun = begun => begun?,
        };
        if is_reload {
            manager.ready();
        }
        match work.shift(base, &given, &reread, told, manager).await? {
            GenerationEnd::Ended(end) => {
                info!("ended");
                return Ok(end);
            }
            GenerationEnd::Reloaded(new) => given = *new,
        }
        is_reload = true;
    }
}
