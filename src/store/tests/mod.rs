//! The store against real database files: opening, writing, and making it agree with the folder.

mod commit;
mod counts;
mod deliveries;
mod departure;
mod edits;
mod folder;
mod metrics_snapshot;
mod model;
mod moves;
mod names;
mod never_arrived;
mod on_change;
mod opening;
mod plans;
mod queue;
mod retention;
mod retries;
mod schema;
mod sharing;
mod takes;

use std::path::PathBuf;

use tempfile::TempDir;

use super::{
    AcceptedManifest, Command, CommandFailure, Conflict, OnChange, Reconciled, Store, WantedJob,
};
use crate::{
    job::{
        FaceChoice, FaceSpan, Job, JobSpec, Media, Moment, Outcome, Policy, ResultFile, Session,
        Source, State, Task, Transition, apply, outcome::PermanentError,
    },
    manifest::{ContentHashes, request_hash, spec_hash},
};

const NOW_MS: i64 = 1_772_366_407_050;

fn policy() -> Policy {
    Policy {
        retry_initial_ms: 1_000,
        retry_max_ms: 300_000,
        give_up_after_ms: 86_400_000,
        create_settle_ms: 10_000,
    }
}

fn moment() -> Moment {
    Moment { now_ms: NOW_MS, chance: 0.5 }
}

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
        self.store.accept(manifest, moment(), policy(), OnChange::Flag).await.unwrap()
    }

    async fn accept_and_run(&self, manifest: AcceptedManifest) -> Result<Reconciled, Conflict> {
        self.store.accept(manifest, moment(), policy(), OnChange::Run).await.unwrap()
    }

    async fn refuse(&self, path: &str, error: &str) {
        self.store.refuse(path, "stamp", error, moment(), policy()).await.unwrap();
    }

    /// A scan misses the manifest.
    async fn miss(&self, path: &str) -> usize {
        self.store.miss(path, moment(), policy()).await.unwrap().len()
    }

    /// All jobs that are missing have left.
    async fn leave(&self) -> usize {
        self.store.leave(NOW_MS, moment(), policy()).await.unwrap().len()
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
        match self.store.command(key, judge, moment(), policy()).await {
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
    apply(task, outcome, &moment(), &policy()).unwrap()
}

/// A job that `key` names and that no other shares, with all its media there.
fn wanted(key: &str) -> WantedJob {
    let video = Source::Url("https://cdn.example.com/v.mp4".to_owned());
    let audio = Source::Url(format!("https://cdn.example.com/{key}.mp3"));
    let spec = JobSpec {
        id: key.split_once('/').map(|(_, id)| id.to_owned()),
        sound_end_ms: Some(5_000),
        original_audio_volume: 0.5,
        labels: [("language".to_owned(), "en".to_owned())].into(),
        ..JobSpec::new(key, video, audio)
    };
    let media = Media { audio_ms: Some(5_000), video_ms: Some(10_000), ..Media::default() };
    digested(spec, Ok(media))
}

/// The same job with the digests of what it asks now.
fn digested(spec: JobSpec, media: Result<Media, PermanentError>) -> WantedJob {
    let there = media.as_ref().ok().filter(|media| media.wait_reason.is_none());
    let request_hash = there.and_then(|media| {
        let (video_sha256, audio_sha256) =
            (media.video_sha256.as_deref(), media.audio_sha256.as_deref());
        request_hash(&spec, ContentHashes { video_sha256, audio_sha256 })
    });
    let output_is_explicit = spec.output != format!("{}.mp4", spec.key);
    let spec_hash = spec_hash(&spec, output_is_explicit);
    WantedJob { spec_hash, request_hash, media, spec }
}

fn changed(mut job: WantedJob, change: impl FnOnce(&mut JobSpec)) -> WantedJob {
    change(&mut job.spec);
    digested(job.spec, job.media)
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
    let media = match sha256 {
        Some(sha256) => Media {
            audio_ms: Some(5_000),
            audio_stamp: Some(format!("stamp of {sha256}")),
            audio_sha256: Some(sha256.to_owned()),
            ..Media::default()
        },
        None => Media { wait_reason: Some(format!("{key}.mp3")), ..Media::default() },
    };
    digested(spec, Ok(media))
}

fn manifest(path: &str, jobs: Vec<WantedJob>) -> AcceptedManifest {
    AcceptedManifest { path: path.to_owned(), file_stamp: "stamp".to_owned(), jobs }
}

fn fault(message: &str) -> PermanentError {
    PermanentError { code: "x".to_owned(), message: message.to_owned() }
}

/// From queued to an accepted task.
fn until_submitted(session: &Session, task_id: &str) -> Vec<Outcome> {
    let faces = vec![FaceSpan { face_id: "0".to_owned(), start_ms: 0, end_ms: 10_000 }];
    vec![
        Outcome::Identified { session: session.clone(), faces, units_micro: 50_000 },
        Outcome::CreateIntended { host: "host".to_owned(), account: "account".to_owned() },
        Outcome::Accepted { task_id: task_id.to_owned() },
    ]
}

fn until_succeeded() -> Vec<Outcome> {
    let delivered = ResultFile { bytes: 9, sha256: "abc".to_owned(), duration_ms: Some(10_000) };
    vec![
        Outcome::Processing,
        Outcome::TaskSucceeded { units_micro: Some(1_000_000) },
        Outcome::Delivered(delivered),
    ]
}

async fn session(store: &Store) -> Session {
    let session = Session {
        row: 0,
        session_id: "s".to_owned(),
        identified_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + 1_000,
    };
    let known = super::SessionFaces { session, faces: Vec::new() };
    store.keep_session("account", "video", known).await.unwrap().session
}
