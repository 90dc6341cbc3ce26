//! A thread that owns a connection and does the work of its callers.
//!
//! The writer commits all waiting work in one transaction: one sync of the disk for many changes. Work that fails is
//! rolled back alone. While the complete database has a problem (disk full, locked by another process), the worker
//! and its callers wait.
//!
//! A simulation has no threads: there the caller does the work itself, between two simulation hooks.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{StoreError, database_problem::DatabaseProblem, lock::DatabaseLock};
use crate::{failpoint, offload::SimulationHook};

const BATCH_MAX: usize = 512;
/// No more items join a transaction that writes this number of jobs: a create request must not wait for its commit until
/// a complete folder is written.
const BATCH_JOBS_MAX: usize = 2_048;
const PROBLEM_PAUSE: Duration = Duration::from_secs(1);

/// The lock that keeps other daemons out, for a daemon.
type Alone = Option<Arc<DatabaseLock>>;

/// A handle to a worker. Its thread ends with the last handle.
#[derive(Clone)]
pub(super) struct Worker {
    executor: Executor,
    problem: Arc<DatabaseProblem>,
}

#[derive(Clone)]
enum Executor {
    Thread(mpsc::Sender<Box<dyn Work>>),
    Inline { connection: Arc<Mutex<Connection>>, writes: bool, simulation_hook: SimulationHook },
}

trait Work: Send {
    /// Does the work and keeps the result. May be called again after a rollback.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    fn answer(self: Box<Self>);
    fn fail(&mut self, error: StoreError);
    /// Returns about how many jobs it writes.
    fn jobs(&self) -> usize;
}

struct QueuedWork<F, T> {
    work: F,
    jobs: usize,
    outcome: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for QueuedWork<F, T>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.outcome = Some(Ok((self.work)(connection)?));
        Ok(())
    }

    fn answer(self: Box<Self>) {
        // The caller may have gone.
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
        Self::spawn("lipsyncd-writer", move |queue, problem| {
            write_all(&connection, queue, problem);
            close(connection, alone);
        })
    }

    pub(super) fn spawn_reader(connection: Connection, alone: Alone) -> Result<Self, StoreError> {
        Self::spawn("lipsyncd-reader", move |queue, problem| {
            read_all(&connection, queue, problem);
            close(connection, alone);
        })
    }

    fn spawn(
        name: &str,
        body: impl FnOnce(&mpsc::Receiver<Box<dyn Work>>, &DatabaseProblem) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (queue, work) = mpsc::channel();
        let problem = Arc::<DatabaseProblem>::default();
        let shared = Arc::clone(&problem);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || body(&work, &shared))
            .map_err(|source| StoreError::Io { path: name.into(), source })?;
        Ok(Self { executor: Executor::Thread(queue), problem })
    }

    /// Creates a worker without a thread: the caller does the work.
    pub(super) fn here(
        connection: Connection,
        writes: bool,
        simulation_hook: SimulationHook,
    ) -> Self {
        let connection = Arc::new(Mutex::new(connection));
        let executor = Executor::Inline { connection, writes, simulation_hook };
        Self { executor, problem: Arc::default() }
    }

    /// Does `work`, which writes about `jobs` jobs. The work is in the thread's queue when this returns, so that work is
    /// done in the order of the calls. The result must be awaited.
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
        let work: Box<dyn Work> = Box::new(QueuedWork { work, jobs, outcome: None, caller });
        let here = match &self.executor {
            Executor::Thread(queue) => {
                // If the thread has ended, no answer comes.
                let _ended = queue.send(work);
                None
            }
            Executor::Inline { .. } => Some((self.clone(), work)),
        };
        async move {
            if let Some((worker, work)) = here {
                worker.call_here(work).await;
            }
            answer.await.map_err(|_| StoreError::Closed)?
        }
    }

    async fn call_here(&self, work: Box<dyn Work>) {
        if let Executor::Inline { connection, writes, simulation_hook } = &self.executor {
            simulation_hook().await;
            self.work_here(connection, *writes, work);
            simulation_hook().await;
        }
    }

    fn work_here(&self, connection: &Mutex<Connection>, writes: bool, work: Box<dyn Work>) {
        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        if writes {
            write_batch(&connection, vec![work], &self.problem);
        } else {
            read_one(&connection, work, &self.problem);
        }
    }

    pub(super) fn problem(&self) -> &DatabaseProblem {
        &self.problem
    }
}

/// The lock is released last: POSIX releases all locks of SQLite on the same file with it.
fn close(connection: Connection, alone: Alone) {
    drop(connection);
    drop(alone);
}

fn read_all(
    connection: &Connection,
    queue: &mpsc::Receiver<Box<dyn Work>>,
    problem: &DatabaseProblem,
) {
    while let Ok(work) = queue.recv() {
        read_one(connection, work, problem);
    }
}

fn read_one(connection: &Connection, mut work: Box<dyn Work>, problem: &DatabaseProblem) {
    loop {
        match work.run(connection) {
            Err(error) if error.is_passing() => {
                problem.begin(&error, "read");
                thread::sleep(PROBLEM_PAUSE);
                continue;
            }
            Err(error) => work.fail(error),
            Ok(()) => problem.end("read"),
        }
        return work.answer();
    }
}

fn write_all(
    connection: &Connection,
    queue: &mpsc::Receiver<Box<dyn Work>>,
    problem: &DatabaseProblem,
) {
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
        write_batch(connection, batch, problem);
    }
}

fn write_batch(connection: &Connection, mut batch: Vec<Box<dyn Work>>, problem: &DatabaseProblem) {
    commit_with_retries(connection, &mut batch, problem);
    for work in batch {
        work.answer();
    }
}

fn commit_with_retries(
    connection: &Connection,
    batch: &mut [Box<dyn Work>],
    problem: &DatabaseProblem,
) {
    let mut mode = BatchMode::Together;
    loop {
        let Err(error) = commit(connection, batch, mode) else { return problem.end("written") };
        // A rollback fails if SQLite has rolled back already.
        let _nothing_open = connection.execute_batch("ROLLBACK");
        if error.is_passing() {
            problem.begin(&error, "written");
            thread::sleep(PROBLEM_PAUSE);
        } else if mode == BatchMode::Together {
            mode = BatchMode::Apart;
        } else {
            for work in batch.iter_mut() {
                work.fail(error.again());
            }
            return;
        }
    }
}

/// How a transaction handles work that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BatchMode {
    /// A failure rolls back everything. Failures are rare, and SQLite need not keep the pages before each item.
    Together,
    /// A failure rolls back its own work alone.
    Apart,
}

fn commit(
    connection: &Connection,
    batch: &mut [Box<dyn Work>],
    mode: BatchMode,
) -> Result<(), StoreError> {
    let execute = |sql: &str| -> Result<(), StoreError> {
        connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    };
    execute("BEGIN IMMEDIATE")?;
    for work in batch {
        if mode == BatchMode::Together {
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
