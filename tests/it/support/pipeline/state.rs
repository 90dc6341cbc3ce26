//! What the database holds of jobs and tasks, and waiting for it.

use std::time::Duration;

use lipsyncd::{
    job::{Job, Outcome, State, Task, apply},
    store::{Command, JobState, StoreError, open_reader},
};
use tokio::time::timeout;

use super::{DEADLINE, TestEnv};

impl TestEnv {
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

    /// Waits until `holds`, and fails with `what` and all histories if it does not in time.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(DEADLINE, waiting).await.is_err() {
            panic!("timed out waiting for {what}: {}", self.describe_jobs().await);
        }
    }

    /// Applies a command to a job.
    pub async fn command(&self, key: &str, command: Command) -> JobState {
        let decide = move |_: &JobState| Ok::<_, ()>(command.clone());
        let done = self.store.command(key, decide, self.moment(), self.settings.policy.clone());
        done.await.unwrap()
    }

    /// Moves the task of a job by an outcome. A running pipeline may change the task in between: it is read again.
    pub async fn apply(&self, key: &str, outcome: Outcome) -> Result<Task, StoreError> {
        loop {
            let (task, moment) = (self.task(key).await, self.moment());
            let transition = apply(&task, outcome.clone(), &moment, &self.settings.policy).unwrap();
            match self.store.record(transition, None, moment.now_ms).await {
                Err(StoreError::Stale { .. }) => {}
                done => return done,
            }
        }
    }

    /// The keys of all jobs, in their order.
    pub(super) fn keys(&self) -> Vec<String> {
        let reader = open_reader(self.store.path()).unwrap();
        let mut keys = reader.prepare("SELECT key FROM job_overview ORDER BY key").unwrap();
        keys.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// All tasks, by the key of their lead job.
    pub async fn tasks(&self) -> Vec<Task> {
        let reader = open_reader(self.store.path()).unwrap();
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

    /// How many entries of a job's history contain `what`.
    pub fn count_history(&self, key: &str, what: &str) -> i64 {
        let reader = open_reader(self.store.path()).unwrap();
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
        let reader = open_reader(self.store.path()).unwrap();
        let sql = "SELECT waiting_for FROM job_overview WHERE key = ?1";
        reader.query_row(sql, [key], |row| row.get(0)).unwrap()
    }

    /// The history of all jobs, for a test that failed.
    pub(super) async fn describe_jobs(&self) -> String {
        let reader = open_reader(self.store.path()).unwrap();
        let sql =
            "SELECT key || ': ' || coalesce(from_state, '') || ' > ' || to_state || ': ' || what
                   FROM job_history";
        let mut statement = reader.prepare(sql).unwrap();
        let lines: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        format!("pause {:?}\n{}", self.store.pause().await, lines.join("\n"))
    }
}
