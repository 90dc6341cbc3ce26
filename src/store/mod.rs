//! The state database, and the only place with SQL.
//!
//! One thread owns the writing connection and commits whatever waits in one transaction; a caller is
//! answered after its commit. Readers have a read-only connection of their own. What is kept and why
//! stands in `schema.sql`.
//!
//! It decides nothing about tasks: it writes transitions under the guard that nobody else moved the task
//! meanwhile. Which task a job points to is decided by request and take alone, see `sharing`.

mod account;
mod backup;
mod candidate;
mod change;
mod checkup;
mod command;
mod daemon_state;
mod delivery;
mod earlier;
mod error;
mod history_text;
mod job_row;
mod left_over;
mod listing;
mod lock;
mod manifests;
mod measured;
mod media_queue;
mod never_arrived;
mod open;
mod overview;
mod pause;
mod queue;
mod reason;
mod reconcile;
mod reconciled;
mod record;
mod retention;
mod session;
mod sharing;
mod spec_columns;
mod spend;
mod superseded;
mod take;
mod task_row;
mod transition;
mod trouble;
mod worker;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::Connection;

pub use crate::offload::SimulationHook;
pub use account::Lookups;
pub use backup::{BackedUp, BackupError, back_up};
pub use candidate::{Candidate, Listed};
pub use change::{Change, Look, Mark};
pub use checkup::{Health, OpenTask};
pub use command::{Command, CommandFailure, JobState, ResendDanger};
pub use delivery::{DueDelivery, Moved};
pub use error::StoreError;
pub use left_over::LeftOver;
pub use listing::{HistoryLine, JobDetail, JobFilter, JobLine};
pub use lock::{Holder, Lock, LockError, holder};
pub use manifests::{Accepted, KnownManifest, OnChange, RUN_AT_ONCE_MAX, WantedJob};
pub use measured::Measured;
pub use media_queue::{KnownJob, MediaScope};
pub use open::{VERSION, open_reader};
pub use overview::{ApiProblem, Reader, RefusedManifest, Standing};
pub use pause::{OpenCreates, Pause, PauseKind};
pub use reconciled::{Conflict, Reconciled};
pub use record::{Answer, Call};
pub use session::KnownSession;
pub use superseded::Superseded;
pub use take::LeadLost;

use lock::DatabaseLock;
use worker::Worker;

/// A handle to the state database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    path: PathBuf,
    writer: Worker,
    reader: Worker,
}

impl Store {
    /// Opens the database at `path`, and makes it when it is not there.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, or comes from a newer version; it is then left untouched.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, None)
    }

    /// Opens the database like [`Store::open`], as the one daemon that works on it.
    ///
    /// # Errors
    /// Those of [`Store::open`], and [`StoreError::Held`] when another daemon works on the same
    /// file, by whatever name.
    pub fn open_alone(path: &Path) -> Result<Self, StoreError> {
        let alone = open::take_alone(path)?;
        Self::open_with(path, Some(Arc::new(alone)))
    }

    fn open_with(path: &Path, alone: Option<Arc<DatabaseLock>>) -> Result<Self, StoreError> {
        let writer = open::open_writer(path)?;
        let reader = open_reader(path)?;
        let writer = Worker::spawn_writer(writer, alone.clone())?;
        let reader = Worker::spawn_reader(reader, alone)?;
        Ok(Self { path: path.to_owned(), writer, reader })
    }

    /// The same for a simulation: all work is done where it is asked for, between two simulation hooks.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_here(path: &Path, simulation_hook: SimulationHook) -> Result<Self, StoreError> {
        let writer = Worker::here(open::open_writer(path)?, true, Arc::clone(&simulation_hook));
        let reader = Worker::here(open_reader(path)?, false, simulation_hook);
        Ok(Self { path: path.to_owned(), writer, reader })
    }

    /// Where the database lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in the next transaction and answers after its commit. `work` may run more than
    /// once: while the disk is full or the database is locked by others, it is tried until it fits.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.call(1, work).await.map_err(|error| error.told_of(&self.path))
    }

    /// Runs `work` on the reading connection.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.reader.call(0, work).await.map_err(|error| error.told_of(&self.path))
    }

    /// How often something was tried in vain so far because the disk was full or others held the database.
    #[must_use]
    pub fn tries_in_vain(&self) -> u64 {
        self.writer.trouble().tries().wrapping_add(self.reader.trouble().tries())
    }

    /// Why the database cannot be written, or read, at the moment, if so.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.writer.trouble().words().or_else(|| self.reader.trouble().words())
    }
}
