//! What lipsyncd says while a job waits is true: for each sentence a scenario that produces it, the facts that it
//! claims, and the end of the situation, after which the sentence is gone.
//!
//! `complete` fails for a sentence of the program that no scenario here quotes.

mod before;
mod complete;
mod created;
mod elsewhere;
mod fetched;
mod held;
mod lookups;
mod media;
mod proofs;
mod reports;
mod retried;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use lipsyncd::{
    job::State,
    sim::{Endpoint, SimConfig},
    store::WantedJob,
};

use crate::support::{Running, TestEnv, daemon::slow, quick, wanted};

/// A pipeline at work on these jobs.
struct Scenario {
    env: TestEnv,
    running: Running,
}

impl Scenario {
    async fn start(config: SimConfig, jobs: Vec<WantedJob>) -> Self {
        Self::start_with(TestEnv::new(config).await, jobs).await
    }

    async fn start_with(env: TestEnv, jobs: Vec<WantedJob>) -> Self {
        let (slots, cap) = (env.settings.slots, env.settings.caps);
        env.store.begin(1, env.now_ms(), slots, cap).await.unwrap();
        if env.settings.is_scanned.load(Ordering::Acquire) {
            env.store.set_scanned().await.unwrap();
        }
        env.put("m.yaml", jobs).await;
        let running = env.start().await;
        Self { env, running }
    }

    /// Adds a job while the pipeline works.
    async fn add(&self, key: &str) {
        self.env.put(&format!("{key}.yaml"), vec![wanted(key)]).await;
        self.running.nudge();
    }

    /// Waits until the reason of this job contains these words, and returns the reason.
    async fn says(&self, key: &str, words: &str) -> String {
        says(&self.env, key, words).await
    }

    /// Ends all tasks at Kling until all jobs have succeeded: no job has a reason any more.
    async fn succeeds(&self, jobs: i64) {
        self.running.nudge();
        self.env
            .until("all jobs to succeed", async || {
                if self.env.ledger().tasks.iter().any(|task| task.ended_at_ms.is_none()) {
                    self.env.sim.advance(Duration::from_secs(601));
                }
                self.env.store.count(&[State::Succeeded]).await.unwrap() == jobs
            })
            .await;
        for task in self.env.tasks().await {
            assert_eq!(self.env.waits_for(&task.spec.key), None, "{}", task.spec.key);
        }
    }

    fn accepted(&self, call: Endpoint) -> u64 {
        self.env.ledger().accepted(call)
    }

    fn tasks_at_kling(&self) -> usize {
        self.env.ledger().tasks.len()
    }
}

/// Waits until the reason of this job contains these words, and returns the reason.
async fn says(env: &TestEnv, key: &str, words: &str) -> String {
    let (mut reason, began) = (String::new(), Instant::now());
    while !reason.contains(words) {
        let late = began.elapsed() > Duration::from_secs(30);
        assert!(!late, "{key} does not wait for {words:?}, but for {reason:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
        reason = env.waits_for(key).unwrap_or_default();
    }
    reason
}

/// Waits until the reason of this job does not contain these words.
async fn no_longer_says(env: &TestEnv, key: &str, words: &str) {
    env.until(&format!("{key} not to wait for {words:?}"), async || {
        env.waits_for(key).is_none_or(|reason| !reason.contains(words))
    })
    .await;
}
