//! The costs of a long history: every job of a queue ends, and the daemon continues from there.
//!
//! The store writes the history as the pipeline would, without calls and results.

use std::{sync::Arc, time::Instant};

use lipsyncd::{
    job::{
        Charge, Cost, FaceSpan, Moment, Outcome, Policy, ResultFile, Session, State, Task, apply,
    },
    pipeline::Clock,
    sim::SimConfig,
    store::{ApiCall, HistoryAnswer, SessionFaces, Store},
};
use tokio::task::JoinSet;

use crate::{
    figure::{Figure, Goal},
    overhead,
    queue::{SETTLE, command_ms},
    samples::Samples,
    test_env::TestEnv,
};

/// How many jobs are written at once, as if as many slots were in use.
const AT_ONCE: usize = 256;
/// Jobs that are added after the history.
const JOBS: usize = 3_000;

/// The costs of finished jobs.
pub struct History {
    pub bytes_per_job: f64,
    pub status_ms: Samples,
    pub jobs_per_second: f64,
    pub cpu_ms_per_job: f64,
}

impl History {
    /// `test_env` has a daemon with `jobs` queued jobs. The daemon is stopped.
    pub fn measure(test_env: &mut TestEnv, jobs: usize) -> Self {
        test_env.kill();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(finish_all(test_env));
        let bytes_per_job = test_env.database_bytes() as f64 / jobs as f64;
        let status_ms = command_ms(test_env, &["status"]);
        let (jobs_per_second, cpu_ms_per_job) = add_jobs(test_env);
        Self { bytes_per_job, status_ms, jobs_per_second, cpu_ms_per_job }
    }

    /// Returns the lines of the table.
    pub fn figures(&self, jobs: &str) -> [Figure; 2] {
        [
            Figure::new(
                format!("database per job, with its history, {jobs} finished"),
                self.bytes_per_job,
                "bytes",
                Goal::AtMost(1_600.0),
            ),
            Figure::new(
                format!("`status`, {jobs} finished"),
                self.status_ms.clone(),
                "ms",
                Goal::AtMost(100.0),
            ),
        ]
    }
}

/// Adds new jobs. Returns jobs per second, and CPU ms per job.
fn add_jobs(test_env: &mut TestEnv) -> (f64, f64) {
    test_env.sim.control(|sim| {
        let config = sim.config_mut();
        *config = SimConfig { concurrency: 256, task_ms: (0, 0), ..config.clone() };
    });
    test_env.configure(overhead::SETTINGS);
    let log = test_env.log().len();
    test_env.start(&["run"]);
    test_env.until_scanned(log);
    let (before, used, began) = (test_env.succeeded(), test_env.cpu_time(), Instant::now());
    test_env.drop_manifests("more", JOBS / 1_000, 1_000);
    test_env.until_succeeded(before + JOBS);
    let took = began.elapsed().saturating_sub(SETTLE).as_secs_f64();
    let used_ms = (test_env.cpu_time() - used).as_secs_f64() * 1e3;
    (JOBS as f64 / took, used_ms / JOBS as f64)
}

/// Lets every job of the database of a stopped daemon succeed.
async fn finish_all(test_env: &TestEnv) {
    let store = Store::open(&test_env.path("lipsyncd.db")).unwrap();
    let policy = Arc::new(Policy {
        retry_initial_ms: 1_000,
        retry_max_ms: 300_000,
        give_up_after_ms: 86_400_000,
        create_settle_ms: 90_000,
    });
    let mut number = 0;
    loop {
        let queued = store.queued(AT_ONCE).await.unwrap();
        let identified = store.due_in_state(State::Identified, i64::MAX, 0, AT_ONCE).await.unwrap();
        let mut writing = JoinSet::new();
        for task in queued.into_iter().chain(identified) {
            number += 1;
            let (store, policy) = (store.clone(), Arc::clone(&policy));
            writing.spawn(async move { finish(&store, task, &policy, number).await });
        }
        if writing.is_empty() {
            return;
        }
        writing.join_all().await;
    }
}

/// Takes one task from the queue to its end, with the responses of an API.
async fn finish(store: &Store, task: Task, policy: &Policy, number: u64) {
    let now_ms = Clock::system_now_ms();
    let moment = Moment { now_ms, chance: 0.5 };
    let answer = |call, units: Option<i64>| {
        let request_id = Some(format!("sim-{number:08}"));
        Some(HistoryAnswer {
            call,
            http_status: Some(200),
            code: Some(0),
            request_id,
            cost: units.map(Cost::units),
        })
    };
    let session = Session {
        row: 0,
        session_id: number.to_string(),
        identified_at_ms: now_ms,
        expires_at_ms: now_ms + 82_800_000,
    };
    let faces = vec![FaceSpan { face_id: "0".to_owned(), start_ms: 0, end_ms: 9_000 }];
    let known = SessionFaces { session, faces };
    let video = format!("url {}", task.spec.video.as_written());
    let known = store.keep_session("bench", &video, known).await.unwrap();
    let identified = Outcome::Identified {
        session: known.session,
        faces: known.faces,
        cost: Some(Cost::units(50_000)),
    };
    let intended = Outcome::CreateIntended { host: "host".to_owned(), account: "bench".to_owned() };
    // As long as those of the simulator.
    let accepted = Outcome::Accepted { task_id: (829_000_000_000_000_000 + number).to_string() };
    let result =
        ResultFile { bytes: 20_000, sha256: format!("{number:064x}"), duration_ms: Some(9_000) };
    let outcomes = [
        (identified, answer(ApiCall::Identify, Some(50_000))),
        (intended, None),
        (accepted, answer(ApiCall::Create, None)),
        (
            Outcome::TaskSucceeded { charge: Some(Charge::units(2_000_000)) },
            answer(ApiCall::List, Some(2_000_000)),
        ),
        (Outcome::Delivered(result), None),
    ];
    let mut task = task;
    for (outcome, answer) in outcomes.into_iter().skip(usize::from(task.state == State::Identified))
    {
        let transition = apply(&task, outcome, &moment, policy).unwrap();
        task = store.record(transition, answer, now_ms).await.unwrap();
    }
}
