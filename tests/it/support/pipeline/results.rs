//! Checks of results.

use std::fs;

use lipsyncd::job::{State, Task};
use serde_json::Value;

use super::TestEnv;
use crate::support::sha256;

impl TestEnv {
    /// Every job succeeded, was paid for once, and its file is what its metadata say.
    pub async fn assert_all_succeeded(&self, count: usize) {
        self.assert_all_shared(count, count).await;
        for task in self.tasks().await {
            self.assert_delivered(&task);
        }
    }

    /// So many jobs succeeded with so many paid tasks, and each job has a file of its own.
    pub async fn assert_all_shared(&self, jobs: usize, tasks: usize) {
        let succeeded = self.store.count(&[State::Succeeded]).await.unwrap();
        let all = self.store.count(&State::ALL).await.unwrap();
        assert_eq!((succeeded, all), (jobs as i64, jobs as i64), "{}", self.describe_jobs().await);
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
        assert_eq!(sha256(&bytes), result.sha256, "{}", task.spec.key);
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
}
