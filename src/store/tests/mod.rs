//! The store against real database files: opening, writing, and making it agree with the folder.

mod commit;
mod counts;
mod deliveries;
mod departure;
mod edits;
mod folder;
mod manifest_progress;
mod metrics_snapshot;
mod model;
mod moves;
mod names;
mod never_arrived;
mod notifications;
mod on_change;
mod opening;
mod plans;
mod queue;
mod retention;
mod retries;
mod schema;
mod select;
mod sharing;
mod takes;
mod verdicts;

use std::path::PathBuf;

use tempfile::TempDir;

use super::{
    AcceptedManifest, Command, CommandFailure, Conflict, OnChange, Reconciled, Store, WantedJob,
};
use crate::{
    job::{
        Caps, Charge, Cost, DeliveryOutcome, FaceSpan, Job, JobSpec, Media, Moment, Outcome,
        ResultFile, Session, Source, State, Task, Transition, apply, outcome::PermanentError,
    },
    testing::jobs::{
        MOMENT, NOW_MS, POLICY, audio_of, hashed, hold, manifest, permanent_error, result, session,
        spec_of, until_submitted, until_succeeded,
    },
};

/// A store in a folder of its own.
struct Bench {
    _folder: TempDir,
    path: PathBuf,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lipsyncd.db");
        let store = Store::open(&path).unwrap();
        Self { _folder: folder, path, store }
    }

    async fn accept(&self, manifest: AcceptedManifest) -> Result<Reconciled, Conflict> {
        self.store.accept(manifest, MOMENT, POLICY, OnChange::Flag).await.unwrap()
    }

    async fn accept_and_run(&self, manifest: AcceptedManifest) -> Result<Reconciled, Conflict> {
        self.store.accept(manifest, MOMENT, POLICY, OnChange::Run).await.unwrap()
    }

    async fn refuse(&self, path: &str, error: &str) {
        self.store.refuse(path, "stamp", error, MOMENT, POLICY).await.unwrap();
    }

    /// A scan misses the manifest.
    async fn miss(&self, path: &str) -> usize {
        self.store.miss(path, MOMENT, POLICY).await.unwrap().len()
    }

    /// All jobs that are missing have left.
    async fn leave(&self) -> usize {
        self.store.orphan(NOW_MS, MOMENT, POLICY).await.unwrap().len()
    }

    async fn job(&self, key: &str) -> Job {
        self.store.job_by_key(key).await.unwrap().unwrap()
    }

    async fn state(&self, key: &str) -> State {
        self.job(key).await.state
    }

    /// The task that the job points to.
    async fn task(&self, key: &str) -> Task {
        self.store.task_of_job(key).await.unwrap().unwrap()
    }

    /// Applies `outcomes` to the task of that job, one after the other, and returns it.
    async fn drive(&self, key: &str, outcomes: Vec<Outcome>) -> Task {
        let mut task = self.task(key).await;
        for outcome in outcomes {
            task = self.store.record(after(&task, outcome), None, NOW_MS).await.unwrap();
        }
        task
    }

    /// Lets the job's task succeed.
    async fn succeed(&self, key: &str) -> Task {
        let session = session(&self.store).await;
        self.drive(key, until_submitted(&session, &format!("task of {key}"))).await;
        self.drive(key, until_succeeded()).await
    }

    /// Does to the job what the command says, unasked.
    async fn command(&self, key: &str, command: Command) -> Result<Job, String> {
        let judge = move |_: &_| Ok::<_, ()>(command.clone());
        match self.store.command(key, judge, MOMENT, POLICY).await {
            Ok(state) => Ok(state.job),
            Err(CommandFailure::Conflict(what)) => Err(what),
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn cancel(&self, key: &str) -> Job {
        self.command(key, Command::Cancel).await.unwrap()
    }

    async fn retry(&self, key: &str) -> Job {
        self.command(key, Command::Retry).await.unwrap()
    }

    fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.path).unwrap()
    }

    /// The only value of the only row that `query` finds.
    fn value<T: rusqlite::types::FromSql>(&self, query: &str) -> T {
        self.sql().query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// How many tasks there are, whatever their state.
    fn tasks(&self) -> i64 {
        self.value("SELECT count(*) FROM task")
    }
}

fn after(task: &Task, outcome: Outcome) -> Transition {
    apply(task, outcome, &MOMENT, &POLICY).unwrap()
}

/// A job that `key` names and that no other shares, with all its media there.
fn wanted(key: &str) -> WantedJob {
    let media = Media { audio_ms: Some(5_000), video_ms: Some(10_000), ..Media::default() };
    hashed(spec_of(key), Ok(media))
}

fn changed(mut job: WantedJob, change: impl FnOnce(&mut JobSpec)) -> WantedJob {
    change(&mut job.spec);
    hashed(job.spec, job.media)
}

/// The job `key`, which asks for the same as `other` does.
fn same_as(other: &str, key: &str) -> WantedJob {
    let other = wanted(other).spec;
    changed(wanted(key), |spec| spec.audio = other.audio)
}

/// The same job with another request.
fn louder(key: &str) -> WantedJob {
    changed(wanted(key), |spec| spec.sound_volume = 2.0)
}

/// The job `key` with a local audio file of this content; none: it is not there.
fn local(key: &str, sha256: Option<&str>) -> WantedJob {
    let mut spec = wanted(key).spec;
    spec.audio = Source::File(format!("{key}.mp3"));
    let missing = || Media { wait_reason: Some(format!("{key}.mp3")), ..Media::default() };
    hashed(spec, Ok(sha256.map_or_else(missing, audio_of)))
}

/// The delivery of a copy of the result.
fn delivered() -> DeliveryOutcome {
    DeliveryOutcome::Delivered { sha256: result().sha256, bytes: result().bytes }
}

fn delivered_file() -> Option<(String, u64)> {
    Some((result().sha256, result().bytes))
}
