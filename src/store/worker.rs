//! A thread that owns a connection and does what callers hand it.
//!
//! The writer commits whatever waits in one transaction: one sync of the disk for many changes. Work
//! that fails for its own reasons is rolled back alone; trouble of the whole database (disk full,
//! locked by others) is waited out, and the callers with it.
//!
//! A simulation has no threads: there the work is done where it is asked for, between two simulation hooks.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{StoreError, lock::DatabaseLock, trouble::Problem};
use crate::{failpoint, offload::SimulationHook};

/// So many pieces of work share one transaction at most.
const BATCH_MAX: usize = 512;
/// And no further one joins once they write so many jobs: a create must not wait for its commit behind
/// a whole folder that is taken in.
const BATCH_JOBS_MAX: usize = 2_048;
/// How long to wait before a database in trouble is tried again.
const PROBLEM_PAUSE: Duration = Duration::from_secs(1);

/// What keeps other daemons out, where there is one to keep.
type Alone = Option<Arc<DatabaseLock>>;

/// A handle to whoever does the work; a thread ends with the last of its handles.
#[derive(Clone)]
pub(super) struct Worker {
    place: Place,
    trouble: Arc<Problem>,
}

/// Where the work is done.
#[derive(Clone)]
enum Place {
    Thread(mpsc::Sender<Box<dyn Work>>),
    Here { connection: Arc<Mutex<Connection>>, writes: bool, simulation_hook: SimulationHook },
}

/// Something to do on the connection, and somebody who waits for it.
trait Work: Send {
    /// Does it and keeps what came of it. May be called again after a rollback.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Tells the caller what came of it.
    fn answer(self: Box<Self>);
    /// Tells the caller that it failed.
    fn fail(&mut self, error: StoreError);
    /// How many jobs it writes, about.
    fn jobs(&self) -> usize;
}

struct Call<F, T> {
    work: F,
    jobs: usize,
    outcome: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Call<F, T>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.outcome = Some(Ok((self.work)(connection)?));
        Ok(())
    }

    fn answer(self: Box<Self>) {
        // A caller that went away does not want to know.
        let _gone = self.caller.send(self.outcome.unwrap_or(Err(StoreError::Closed)));
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error));
    }

    fn jobs(&self) -> usize {
        self.jobs
    }
}

impl Worker {
    pub(super) fn spawn_writer(connection: Connection, alone: Alone) -> Result<Self, StoreError> {
        Self::spawn("lipsyncd-writer", move |queue, trouble| {
            write_all(&connection, queue, trouble);
            close(connection, alone);
        })
    }

    pub(super) fn spawn_reader(connection: Connection, alone: Alone) -> Result<Self, StoreError> {
        Self::spawn("lipsyncd-reader", move |queue, trouble| {
            read_all(&connection, queue, trouble);
            close(connection, alone);
        })
    }

    fn spawn(
        name: &str,
        body: impl FnOnce(&mpsc::Receiver<Box<dyn Work>>, &Problem) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (queue, work) = mpsc::channel();
        let trouble = Arc::<Problem>::default();
        let shared = Arc::clone(&trouble);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || body(&work, &shared))
            .map_err(|source| StoreError::Io { path: name.into(), source })?;
        Ok(Self { place: Place::Thread(queue), trouble })
    }

    /// Does all work where it is asked for.
    pub(super) fn here(
        connection: Connection,
        writes: bool,
        simulation_hook: SimulationHook,
    ) -> Self {
        let connection = Arc::new(Mutex::new(connection));
        let place = Place::Here { connection, writes, simulation_hook };
        Self { place, trouble: Arc::default() }
    }

    /// Does `work`, which writes about so many `jobs`. A thread has it in its queue when this returns, so
    /// that calls are done in the order in which they are made; an answer has to be awaited.
    pub(super) fn call<T, F>(
        &self,
        jobs: usize,
        work: F,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let work: Box<dyn Work> = Box::new(Call { work, jobs, outcome: None, caller });
        let here = match &self.place {
            Place::Thread(queue) => {
                // If it ended, the answer never comes.
                let _ended = queue.send(work);
                None
            }
            Place::Here { .. } => Some((self.clone(), work)),
        };
        async move {
            if let Some((worker, work)) = here {
                worker.call_here(work).await;
            }
            answer.await.map_err(|_| StoreError::Closed)?
        }
    }

    async fn call_here(&self, work: Box<dyn Work>) {
        if let Place::Here { connection, writes, simulation_hook } = &self.place {
            simulation_hook().await;
            self.work_here(connection, *writes, work);
            simulation_hook().await;
        }
    }

    fn work_here(&self, connection: &Mutex<Connection>, writes: bool, work: Box<dyn Work>) {
        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        if writes {
            write_batch(&connection, vec![work], &self.trouble);
        } else {
            read_one(&connection, work, &self.trouble);
        }
    }

    pub(super) fn trouble(&self) -> &Problem {
        &self.trouble
    }
}

/// The lock goes last: with it go, by the rules of POSIX, all locks of SQLite's on the same file.
fn close(connection: Connection, alone: Alone) {
    drop(connection);
    drop(alone);
}

fn read_all(connection: &Connection, queue: &mpsc::Receiver<Box<dyn Work>>, trouble: &Problem) {
    while let Ok(work) = queue.recv() {
        read_one(connection, work, trouble);
    }
}

fn read_one(connection: &Connection, mut work: Box<dyn Work>, trouble: &Problem) {
    loop {
        match work.run(connection) {
            Err(error) if error.is_passing() => {
                trouble.begin(&error, "read");
                thread::sleep(PROBLEM_PAUSE);
                continue;
            }
            Err(error) => work.fail(error),
            Ok(()) => trouble.end("read"),
        }
        return work.answer();
    }
}

fn write_all(connection: &Connection, queue: &mpsc::Receiver<Box<dyn Work>>, trouble: &Problem) {
    while let Ok(first) = queue.recv() {
        let mut jobs = first.jobs();
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && jobs < BATCH_JOBS_MAX
            && let Ok(next) = queue.try_recv()
        {
            jobs += next.jobs();
            batch.push(next);
        }
        write_batch(connection, batch, trouble);
    }
}

fn write_batch(connection: &Connection, mut batch: Vec<Box<dyn Work>>, trouble: &Problem) {
    commit_until_it_fits(connection, &mut batch, trouble);
    for work in batch {
        work.answer();
    }
}

fn commit_until_it_fits(connection: &Connection, batch: &mut [Box<dyn Work>], trouble: &Problem) {
    let mut pieces = Pieces::Together;
    loop {
        let Err(error) = commit(connection, batch, pieces) else {
            return trouble.end("written");
        };
        // A rollback that fails has nothing left to roll back.
        let _nothing_open = connection.execute_batch("ROLLBACK");
        if error.is_passing() {
            trouble.begin(&error, "written");
            thread::sleep(PROBLEM_PAUSE);
        } else if pieces == Pieces::Together {
            pieces = Pieces::Apart;
        } else {
            for work in batch.iter_mut() {
                work.fail(error.again());
            }
            return;
        }
    }
}

/// How the pieces of work of one transaction stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pieces {
    /// One that fails takes all with it. Hardly any does, and SQLite need not keep each page as it was
    /// before each piece.
    Together,
    /// One that fails is rolled back alone.
    Apart,
}

fn commit(
    connection: &Connection,
    batch: &mut [Box<dyn Work>],
    pieces: Pieces,
) -> Result<(), StoreError> {
    let execute = |sql: &str| -> Result<(), StoreError> {
        connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    };
    execute("BEGIN IMMEDIATE")?;
    for work in batch {
        if pieces == Pieces::Together {
            work.run(connection)?;
            continue;
        }
        execute("SAVEPOINT work")?;
        match work.run(connection) {
            Ok(()) => {}
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => {
                execute("ROLLBACK TO work")?;
                work.fail(error);
            }
        }
        execute("RELEASE work")?;
    }
    failpoint::before("store.commit");
    execute("COMMIT")?;
    failpoint::after("store.commit");
    Ok(())
}
