//! The handles to the state database: of the daemon, and of commands that only read.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, Params};

use super::{
    SimulationHook, StoreError, lock::DatabaseLock, open, open_reader, sql::Sql as _,
    worker::Worker,
};

/// A handle to the state database; cheap to clone. Every method returns a [`StoreError`] when the database cannot be
/// read or written.
#[derive(Clone)]
pub struct Store {
    pub(super) path: PathBuf,
    pub(super) writer: Worker,
    pub(super) reader: Worker,
}

impl Store {
    /// Opens the database at `path`, and creates it if needed.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, None)
    }

    /// Opens the database like [`Store::open`], as its only daemon.
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

    /// Opens the database for a simulation: the caller's thread does all work, between two simulation hooks.
    pub fn open_here(path: &Path, simulation_hook: SimulationHook) -> Result<Self, StoreError> {
        let writer = Worker::here(open::open_writer(path)?, true, Arc::clone(&simulation_hook));
        let reader = Worker::here(open_reader(path)?, false, simulation_hook);
        Ok(Self { path: path.to_owned(), writer, reader })
    }

    /// The path of the database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs one statement in the next transaction.
    pub(super) fn run(
        &self,
        sql: &'static str,
        parameters: impl Params + Clone + Send + 'static,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.write(move |connection| connection.run(sql, parameters.clone()))
    }

    /// Runs `work` in the next transaction and returns after its commit. `work` may run more than once: while the disk
    /// is full or another process has locked the database, it is tried again.
    // Not an async function: its future would keep the space of `work`, a task of 1 KB among it, in each step.
    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        let written = self.writer.call(1, work);
        async { written.await.map_err(|error| error.with_path(&self.path)) }
    }

    pub(super) fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        let read = self.reader.call(0, work);
        async { read.await.map_err(|error| error.with_path(&self.path)) }
    }

    /// Returns how many tries have failed because the disk was full or the database was locked.
    pub fn failed_tries(&self) -> u64 {
        self.writer.problem().tries().wrapping_add(self.reader.problem().tries())
    }

    /// Returns why the database cannot be written or read at the moment.
    pub fn problem(&self) -> Option<String> {
        self.writer.problem().message().or_else(|| self.reader.problem().message())
    }
}

/// A read-only handle to the state database. Every method returns a [`StoreError`] when the database cannot be read.
/// The handle works with and without a running daemon, and without write
/// permission.
pub struct Reader {
    pub(super) connection: Connection,
}

impl Reader {
    /// Opens the database at `path` read-only.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: open_reader(path)? })
    }
}
