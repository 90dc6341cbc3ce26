//! The commands as a user types them: the real program on a real database, without a daemon, except in `in_flight`.

#![expect(clippy::unwrap_used, reason = "the helpers here are parts of tests")]

mod begin;
mod cancel;
mod check;
mod completions;
mod in_flight;
mod jobs;
mod many_jobs;
mod pause;
mod prices;
mod question;
mod reading;
mod refused;
mod resolve;
mod retry;
mod screen;
mod select;
mod spend;
mod status;
mod terminal;
mod waits;

use std::{fs, path::PathBuf, process::Command};

use lipsyncd::{
    job::{
        Job, JobSpec, Media, Moment, Outcome, Session, Source, Task, apply, outcome::PermanentError,
    },
    store::{AcceptedManifest, ApiCall, HistoryAnswer, OnChange, Store, WantedJob},
};
use tempfile::TempDir;

use crate::testing::jobs::{
    MOMENT, NOW_MS, POLICY, RESULT_BYTES, manifest, session, spec_of, until_submitted,
    until_succeeded,
};

const NO_DAEMON: &str = "note: the daemon is not running; `lipsyncd run` starts it\n";

/// A folder with a configuration and, once a store was asked for, a database.
struct CommandEnv {
    folder: TempDir,
}

/// What a command did.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

impl CommandEnv {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("lipsyncd.yaml"), "state_db: state/lipsyncd.db\n").unwrap();
        Self { folder }
    }

    /// Adds to the configuration.
    fn configure(&self, text: &str) {
        let path = self.folder.path().join("lipsyncd.yaml");
        let before = fs::read_to_string(&path).unwrap();
        fs::write(path, before + text).unwrap();
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("state/lipsyncd.db")
    }

    fn store(&self) -> Store {
        Store::open(&self.database()).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lipsyncd"));
        command.args(arguments).current_dir(self.folder.path());
        command.env_remove("LIPSYNCD_CONFIG").env_remove("RUST_LOG").env_remove("JOURNAL_STREAM");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Puts a file of the size of a result into the output folder.
    fn put_result(&self, output: &str) {
        let path = self.folder.path().join("output").join(output);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap().set_len(RESULT_BYTES).unwrap();
    }

    /// A batch `promo.yaml` with a job in each of the states that tests are about, all named by it.
    async fn with_jobs() -> (Self, Store) {
        let env = Self::new();
        let store = env.store();
        let names = ["queued", "submitted", "succeeded", "failed", "unresolved", "waiting"];
        let mut jobs: Vec<WantedJob> = names.map(|name| wanted(&format!("promo/{name}"))).into();
        jobs[5].request_hash = None;
        jobs[5].media = Ok(Media {
            wait_reason: Some("audio/it.mp3, which is not there".to_owned()),
            ..Media::default()
        });
        accept(&store, manifest("promo.yaml", jobs)).await;
        let session = session(&store).await;
        for name in ["submitted", "succeeded"] {
            drive(
                &store,
                &format!("promo/{name}"),
                until_submitted(&session, &format!("task-{name}")),
            )
            .await;
        }
        drive(&store, "promo/succeeded", until_succeeded()).await;
        let error =
            PermanentError { code: "face".to_owned(), message: "no face speaks".to_owned() };
        drive(&store, "promo/failed", vec![Outcome::Refused(error)]).await;
        let mut lost = until_submitted(&session, "");
        lost.truncate(2);
        lost.push(Outcome::Conflict("the account answers no lookups".to_owned()));
        drive(&store, "promo/unresolved", lost).await;
        (env, store)
    }
}

async fn accept(store: &Store, manifest: AcceptedManifest) {
    store.accept(manifest, MOMENT, POLICY, OnChange::Flag).await.unwrap().unwrap();
}

async fn state(store: &Store, key: &str) -> String {
    job(store, key).await.state.to_string()
}

async fn job(store: &Store, key: &str) -> Job {
    store.job_by_key(key).await.unwrap().unwrap()
}

/// The task that the job of that key points to.
async fn task(store: &Store, key: &str) -> Task {
    store.task_of_job(key).await.unwrap().unwrap()
}

async fn drive(store: &Store, key: &str, outcomes: Vec<Outcome>) {
    let mut task = task(store, key).await;
    for outcome in outcomes {
        let answer = answer(&outcome);
        let transition = apply(&task, outcome, &MOMENT, &POLICY).unwrap();
        task = store.record(transition, answer, NOW_MS).await.unwrap();
    }
}

fn answer(outcome: &Outcome) -> Option<HistoryAnswer> {
    let (call, cost) = match outcome {
        Outcome::Identified { cost, .. } => (ApiCall::Identify, *cost),
        Outcome::Accepted { .. } => (ApiCall::Create, None),
        Outcome::TaskSucceeded { charge } => (ApiCall::Query, charge.map(|charge| charge.cost)),
        _ => return None,
    };
    let request_id = Some(format!("request-of-{}", call.name()));
    Some(HistoryAnswer { call, http_status: Some(200), code: Some(0), request_id, cost })
}

/// A job whose request is named by its key.
fn wanted(key: &str) -> WantedJob {
    let audio = Source::Url("https://cdn.example.com/a.mp3".to_owned());
    WantedJob {
        spec: JobSpec { audio, ..spec_of(key) },
        spec_hash: format!("spec of {key}"),
        request_hash: Some(key.replace('/', "-")),
        media: Ok(Media { audio_ms: Some(5_000), video_ms: Some(10_000), ..Media::default() }),
    }
}

/// The manifest of a job of `promo.yaml` asks for another request than it did.
async fn edit(store: &Store, key: &str) {
    let mut edited = wanted(key);
    edited.spec.sound_volume = 2.0;
    (edited.spec_hash, edited.request_hash) = ("edited".to_owned(), Some("edited".to_owned()));
    accept(store, manifest("promo.yaml", vec![edited])).await;
}
