//! What scenarios are made of: a test_env with a database, an output folder and a simulated API.
//!
//! Everything is real but the API's insides: a database file, HTTP on this machine, files on disk.

pub mod chance;
pub mod daemon;
mod jobs;
pub mod switches;
mod views;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lipsyncd::{
    job::{Account, Job, Moment, Outcome, Policy, State, Task, apply},
    kling::{Client, ClientConfig, Credential},
    media::Locator,
    metrics::Metrics,
    pipeline::{Clock, End, Heartbeat, Offload, Pipeline, RateSettings, Settings, Until},
    sim::{Call, Fault, FaultRule, Ledger, SimConfig, SimServer},
    store::{Accepted, Command, JobState, OnChange, Store, StoreError, WantedJob},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

pub use jobs::{hashed, many, wanted, with};

/// Nothing in a scenario takes longer.
const DEADLINE: Duration = Duration::from_secs(30);

/// A simulated account that is fast, and strict about nothing that a test does not ask for.
/// Where and as whom tests work.
pub fn account() -> Account {
    Account { host: "host".to_owned(), key: "key".to_owned() }
}

pub fn quick() -> SimConfig {
    SimConfig {
        task_ms: (50, 200),
        identify_per_second: None,
        create_per_second: None,
        ..SimConfig::default()
    }
}

/// The test_env. `settings` may be changed before the pipeline runs.
pub struct TestEnv {
    pub sim: SimServer,
    pub store: Store,
    pub settings: Settings,
    pub request_timeout: Duration,
    pub ahead_ms: Arc<AtomicI64>,
    pub dir: tempfile::TempDir,
}

impl TestEnv {
    /// A test_env whose simulator also serves the folder of manifests, and reads what lies in it.
    pub async fn new(config: SimConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let jobs_dir = dir.path().join("jobs");
        fs::create_dir(&jobs_dir).unwrap();
        fs::create_dir(dir.path().join("output")).unwrap();
        let config = SimConfig { media_dir: Some(jobs_dir.clone()), ..config };
        let sim = SimServer::start(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let store = Store::open(&dir.path().join("lipsyncd.db")).unwrap();
        let settings = settings(dir.path().join("output"), jobs_dir);
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let request_timeout = Duration::from_secs(10);
        Self { sim: sim.unwrap(), store, settings, request_timeout, ahead_ms, dir }
    }

    pub fn client(&self) -> Client {
        let (access_key, secret_key) = ("sim-access-key".into(), "sim-secret-key".to_owned());
        let config = ClientConfig {
            base_url: self.sim.base_url().parse().unwrap(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: self.request_timeout,
            idle_timeout: Duration::from_secs(5),
            now_ms: wall_ms,
        };
        let secret_key = secret_key.into();
        Client::new(config, Credential::Keys { access_key, secret_key }).unwrap()
    }

    pub fn clock(&self) -> Clock {
        let ahead_ms = Arc::clone(&self.ahead_ms);
        Clock::new(move || wall_ms() + ahead_ms.load(Ordering::Relaxed), 7)
    }

    /// Lets the pipeline's wall clock jump; the monotonic one goes on as it does.
    pub fn set_ahead(&self, ms: i64) {
        self.ahead_ms.store(ms, Ordering::Relaxed);
    }

    /// The pipeline's wall clock.
    pub fn now_ms(&self) -> i64 {
        self.clock().now_ms()
    }

    pub fn moment(&self) -> Moment {
        Moment { now_ms: self.now_ms(), chance: 0.5 }
    }

    /// Puts a manifest's jobs into the database, as the inbox does.
    pub async fn put(&self, path: &str, jobs: Vec<WantedJob>) {
        let manifest = Accepted { path: path.to_owned(), file_stamp: "1:1".to_owned(), jobs };
        let policy = self.settings.policy.clone();
        let accepted = self.store.accept(manifest, self.moment(), policy, OnChange::Flag);
        accepted.await.unwrap().unwrap();
    }

    /// Lets the API do right again.
    pub fn clear_faults(&self) {
        self.sim.control(lipsyncd::sim::Sim::clear_faults);
    }

    /// Asks the simulator for a fault.
    pub fn fault(&self, rule: FaultRule) {
        self.sim.control(|sim| sim.add_fault(rule));
    }

    /// The next call of this kind is refused with this code.
    pub fn refuse_once(&self, call: Call, code: u16) {
        self.fault(FaultRule::once(call, refusal(code)));
    }

    pub async fn pipeline(&self) -> Pipeline<Client> {
        let (store, settings) = (self.store.clone(), self.settings.clone());
        Pipeline::new(self.client(), store, self.clock(), settings).await.unwrap()
    }

    /// Works until nothing moves by itself any more.
    pub async fn run(&self) -> End {
        let (nudge, stop, more) = (Arc::default(), CancellationToken::new(), Arc::default());
        let running = self.pipeline().await.run(nudge, stop, Until::Idle, more, Heartbeat::NONE);
        match timeout(DEADLINE, running).await {
            Ok(end) => end.unwrap(),
            Err(_) => panic!("not idle in time: {}", self.told().await),
        }
    }

    /// Works until it is stopped.
    pub async fn start(&self) -> Running {
        let (nudge, stop) = (Arc::<Notify>::default(), CancellationToken::new());
        let more = Arc::new(AtomicBool::new(true));
        let running = self.pipeline().await.run(
            Arc::clone(&nudge),
            stop.clone(),
            Until::Stopped,
            more,
            Heartbeat::NONE,
        );
        Running { nudge, stop, task: tokio::spawn(running) }
    }

    pub async fn job(&self, key: &str) -> Job {
        self.store.job_by_key(key).await.unwrap().unwrap()
    }

    /// The task that the job of that key points to.
    pub async fn task(&self, key: &str) -> Task {
        self.store.task_of_job(key).await.unwrap().unwrap()
    }

    pub async fn state(&self, key: &str) -> State {
        self.job(key).await.state
    }

    /// Waits until so many jobs are in `state`.
    pub async fn until_count(&self, state: State, count: i64) {
        self.until(&format!("{count} jobs {state}"), async || {
            self.store.count(&[state]).await.unwrap() == count
        })
        .await;
    }

    /// Waits until the job is in `state`.
    pub async fn until_state(&self, key: &str, state: State) {
        self.until(&format!("{key} {state}"), async || self.state(key).await == state).await;
    }

    /// Waits until `holds`, and says what was waited for when it never does.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(DEADLINE, waiting).await.is_err() {
            panic!("waited in vain for {what}: {}", self.told().await);
        }
    }

    /// Does something to a job, as a command does.
    pub async fn command(&self, key: &str, command: Command) -> JobState {
        let judge = move |_: &JobState| Ok::<_, ()>(command.clone());
        let done = self.store.command(key, judge, self.moment(), self.settings.policy.clone());
        done.await.unwrap()
    }

    /// Moves the task of a job by an outcome.
    pub async fn apply(&self, key: &str, outcome: Outcome) -> Result<Task, StoreError> {
        let (task, moment) = (self.task(key).await, self.moment());
        let transition = apply(&task, outcome, &moment, &self.settings.policy).unwrap();
        self.store.record(transition, None, moment.now_ms).await
    }

    pub fn ledger(&self) -> Ledger {
        self.sim.ledger()
    }

    pub fn output(&self, path: &str) -> PathBuf {
        self.settings.output_dir.join(path)
    }

    /// Every job succeeded, was paid for once, and its file is what its metadata say.
    pub async fn assert_all_succeeded(&self, count: usize) {
        self.assert_all_shared(count, count).await;
        for task in self.tasks().await {
            self.assert_delivered(&task);
        }
    }

    /// So many jobs succeeded by so many paid tasks, and each has a file of its own.
    pub async fn assert_all_shared(&self, jobs: usize, tasks: usize) {
        let succeeded = self.store.count(&[State::Succeeded]).await.unwrap();
        let all = self.store.count(&State::ALL).await.unwrap();
        assert_eq!((succeeded, all), (jobs as i64, jobs as i64), "{}", self.told().await);
        let ledger = self.ledger();
        assert_eq!(ledger.tasks.len(), tasks, "{:?}", ledger.tasks);
        assert_eq!(ledger.paid_twice.external_task_ids, []);
        for key in self.keys() {
            let (job, task) = (self.job(&key).await, self.task(&key).await);
            self.assert_file(&job.output, &task);
            let (sha256, bytes) = job.delivered.unwrap();
            let result = task.result.unwrap();
            assert_eq!((sha256, bytes), (result.sha256, result.bytes), "{key}");
        }
    }

    /// The file of a task's lead job is there, complete, and as the database has it.
    pub fn assert_delivered(&self, task: &Task) {
        self.assert_file(&task.spec.output, task);
    }

    /// The file at `output` is the result of that task, with its metadata beside it.
    pub fn assert_file(&self, output: &str, task: &Task) {
        let path = self.output(output);
        let bytes = fs::read(&path).unwrap();
        let result = task.result.as_ref().unwrap();
        assert_eq!(bytes.len() as u64, result.bytes, "{}", task.spec.key);
        let sha256: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sha256, result.sha256, "{}", task.spec.key);
        // The simulator writes the result's name into it: these are the bytes of this very task.
        let ledger = self.ledger();
        let paid = ledger.tasks.iter().find(|paid| Some(&paid.task_id) == task.task_id.as_ref());
        let mark = format!("lipsyncd-sim {}.mp4", paid.unwrap().result_id);
        assert!(bytes.windows(mark.len()).any(|part| part == mark.as_bytes()), "{mark}");
        let metadata = fs::read(path.with_extension("json")).unwrap();
        let metadata: Value = serde_json::from_slice(&metadata).unwrap();
        assert_eq!(metadata["task_id"].as_str(), task.task_id.as_deref());
        assert_eq!(metadata["sha256"].as_str(), Some(result.sha256.as_str()), "{metadata}");
    }

    /// The keys of all jobs, in their order.
    fn keys(&self) -> Vec<String> {
        let reader = lipsyncd::store::open_reader(self.store.path()).unwrap();
        let mut keys = reader.prepare("SELECT key FROM job_overview ORDER BY key").unwrap();
        keys.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// All tasks, by the key of their lead job.
    pub async fn tasks(&self) -> Vec<Task> {
        let reader = lipsyncd::store::open_reader(self.store.path()).unwrap();
        let sql = "SELECT t.id FROM task t JOIN job j ON j.id = t.lead_job ORDER BY j.key, t.take";
        let mut statement = reader.prepare(sql).unwrap();
        let ids: Vec<i64> =
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let mut tasks = Vec::new();
        for id in ids {
            tasks.push(self.store.task(id).await.unwrap().unwrap());
        }
        tasks
    }

    /// How often a job's history says `what`.
    pub fn count_history(&self, key: &str, what: &str) -> i64 {
        let reader = lipsyncd::store::open_reader(self.store.path()).unwrap();
        reader
            .query_row(
                "SELECT count(*) FROM job_history WHERE key = ?1 AND what LIKE '%' || ?2 || '%'",
                [key, what],
                |row| row.get(0),
            )
            .unwrap()
    }

    /// What a job waits for, as `status` shows it.
    pub fn waits_for(&self, key: &str) -> Option<String> {
        let reader = lipsyncd::store::open_reader(self.store.path()).unwrap();
        let sql = "SELECT waiting_for FROM job_overview WHERE key = ?1";
        reader.query_row(sql, [key], |row| row.get(0)).unwrap()
    }

    /// The history of all jobs, for a test that failed.
    async fn told(&self) -> String {
        let reader = lipsyncd::store::open_reader(self.store.path()).unwrap();
        let sql =
            "SELECT key || ': ' || coalesce(from_state, '') || ' > ' || to_state || ': ' || what
                   FROM job_history";
        let mut statement = reader.prepare(sql).unwrap();
        let lines: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        format!("pause {:?}\n{}", self.store.pause().await, lines.join("\n"))
    }
}

/// A pipeline at work. Dropped, it is gone as after a crash.
pub struct Running {
    pub nudge: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<Result<End, StoreError>>,
}

impl Running {
    /// Says that the database holds something new, or that the clock was set.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    pub async fn stop(mut self) -> End {
        self.stop.cancel();
        timeout(DEADLINE, &mut self.task).await.unwrap().unwrap().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A refusal by this code, as the API words it.
pub fn refusal(code: u16) -> Fault {
    Fault::Code { code, status: None, retry_after_s: None, message: None }
}

/// The simulator's own answer with this in it.
pub fn patch(with: Value) -> Fault {
    Fault::Patch { with }
}

/// Unix time of this machine.
pub fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn settings(output_dir: PathBuf, jobs_dir: PathBuf) -> Settings {
    let (per_second, hours) = (1_000.0, 3_600_000);
    Settings {
        account: account(),
        policy: Policy {
            retry_initial_ms: 20,
            retry_max_ms: 200,
            give_up_after_ms: 24 * hours,
            // The configuration refuses less than `request_timeout`; here no request arrives late.
            create_settle_ms: 150,
        },
        session_ttl_ms: 23 * hours,
        slots: 5,
        rate: RateSettings {
            identify_per_second: per_second,
            create_per_second: per_second,
            query_per_second: per_second,
        },
        units_per_day_micro: None,
        poll_min_ms: 20,
        poll_max_ms: 100,
        probe_interval_ms: 100,
        downloads: 4,
        download_bytes_max: 1 << 31,
        output_dir,
        locator: Locator { jobs_dir, media_dirs: Vec::new() },
        offload: Offload::threads(),
        is_scanned: Arc::new(AtomicBool::new(true)),
        metrics: Metrics::new(),
    }
}
