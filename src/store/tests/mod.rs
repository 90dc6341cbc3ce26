//! The store against real database files: opening, writing, and making it agree with the folder.

mod commit;
mod counts;
mod folder;
mod measured;
mod migration;
mod model;
mod opening;
mod queue;
mod retention;
mod schema;

use std::{path::PathBuf, sync::Arc};

use tempfile::TempDir;

use super::{Accepted, Conflict, Reconciled, Store, WantedJob};
use crate::job::{
    Delivered, FaceChoice, FaceSpan, Job, JobSpec, Media, Moment, Outcome, Policy, Session, Source,
    Transition, apply,
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

    async fn accept(&self, manifest: Accepted) -> Result<Reconciled, Conflict> {
        self.store.accept(manifest, moment(), policy()).await.unwrap()
    }

    async fn refuse(&self, path: &str, error: &str) {
        self.store.refuse(path, "print", "file", error, moment(), policy()).await.unwrap();
    }

    async fn remove(&self, path: &str) -> usize {
        self.store.remove(path, moment(), policy()).await.unwrap().len()
    }

    async fn job(&self, key: &str) -> Job {
        self.store.job_by_key(key).await.unwrap().unwrap()
    }

    /// Applies `outcomes` to the job of that key, one after the other, and returns it.
    async fn drive(&self, key: &str, outcomes: Vec<Outcome>) -> Job {
        let mut job = self.job(key).await;
        for outcome in outcomes {
            job = self.store.record(after(&job, outcome), None, NOW_MS).await.unwrap();
        }
        job
    }

    fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.path).unwrap()
    }

    /// The only value of the only row that `query` finds.
    fn value<T: rusqlite::types::FromSql>(&self, query: &str) -> T {
        self.sql().query_row(query, [], |row| row.get(0)).unwrap()
    }
}

fn after(job: &Job, outcome: Outcome) -> Transition {
    apply(job, outcome, &moment(), &policy()).unwrap()
}

/// A job that `key` names, with all its media there.
fn wanted(key: &str) -> WantedJob {
    let id = key.split_once('/').map(|(_, id)| id.to_owned());
    let sound = id.as_deref().unwrap_or("a");
    let spec = JobSpec {
        key: key.to_owned(),
        audio: Source::Url(format!("https://cdn.example.com/{sound}.mp3")),
        id,
        video: Source::Url("https://cdn.example.com/v.mp4".to_owned()),
        face: FaceChoice::Longest,
        sound_start_ms: 0,
        sound_end_ms: Some(5_000),
        sound_insert_ms: None,
        sound_volume: 1.0,
        original_audio_volume: 0.5,
        watermark: false,
        callback_url: None,
        external_task_id: None,
        take: None,
        output: format!("{key}.mp4"),
        priority: 0,
        not_before_at_ms: None,
        labels: [("language".to_owned(), "en".to_owned())].into(),
    };
    WantedJob {
        spec,
        meaning: format!("meaning of {key}"),
        external_base: format!("base-{key}"),
        media: Ok(Media { audio_ms: Some(5_000), video_ms: Some(10_000), ..Media::default() }),
    }
}

fn changed(mut job: WantedJob, change: impl FnOnce(&mut JobSpec)) -> WantedJob {
    change(&mut job.spec);
    job.meaning = format!("{:?}", job.spec);
    job
}

fn manifest(path: &str, jobs: Vec<WantedJob>) -> Accepted {
    Accepted {
        path: path.to_owned(),
        print: "print".to_owned(),
        file_id: format!("file {path}"),
        seen_at_ms: NOW_MS,
        unread: Arc::default(),
        jobs,
    }
}

/// From queued to an accepted task, without the session's row.
fn until_submitted(session: &Session, task_id: &str) -> Vec<Outcome> {
    let faces = vec![FaceSpan { face_id: "0".to_owned(), start_ms: 0, end_ms: 10_000 }];
    vec![
        Outcome::Identified { session: session.clone(), faces, units_micro: 50_000 },
        Outcome::CreateIntended { account: "account".to_owned(), sound_sha256: None },
        Outcome::Accepted { task_id: task_id.to_owned() },
    ]
}

fn until_succeeded() -> Vec<Outcome> {
    let delivered = Delivered { bytes: 9, sha256: "abc".to_owned(), duration_ms: Some(10_000) };
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
    let known = super::KnownSession { session, faces: Vec::new() };
    store.keep_session("account", "video", known).await.unwrap().session
}
