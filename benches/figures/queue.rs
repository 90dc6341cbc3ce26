//! A long queue and a full account: accepting the jobs, memory, idle cost, restart.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    figure::{Figure, Goal},
    test_env::{TestEnv, account},
};

const SLOTS: usize = 5;
/// Tasks that do not end during the measurement.
const TASK_MS: i64 = 3_600_000;
/// `watch.settle`, which is subtracted.
pub const SETTLE: Duration = Duration::from_secs(1);
/// How often `status` is run. The median counts.
const STATUS_TIMES: usize = 9;

/// The costs of queued jobs.
#[derive(Debug)]
pub struct Queue {
    pub accepted_per_second: f64,
    pub memory_mb: f64,
    /// Of one core.
    pub idle_percent: f64,
    pub status_ms: f64,
    pub start_ms: f64,
}

impl Queue {
    /// `idle` is how long the idle daemon is measured; it rescans every 30 s. The daemon keeps running.
    pub fn measure(jobs: usize, idle: Duration) -> (Self, TestEnv) {
        let mut test_env = TestEnv::new(account(SLOTS, (TASK_MS, TASK_MS)), "");
        test_env.start(&["run"]);
        test_env
            .until("the daemon", |test_env| test_env.log().contains("the folder has been read"));
        let began = Instant::now();
        test_env.drop_jobs(jobs);
        let dropped = began.elapsed();
        test_env.until_accepted(jobs);
        let took = (began.elapsed() - dropped).saturating_sub(SETTLE);
        test_env.until("a full account", |test_env| test_env.sim.ledger().tasks.len() == SLOTS);
        // The database is still doing work of the acceptance.
        sleep(Duration::from_secs(5));
        let (used, began) = (test_env.cpu_time(), Instant::now());
        sleep(idle);
        let used = (test_env.cpu_time() - used).as_secs_f64();
        let idle_percent = used / began.elapsed().as_secs_f64() * 100.0;
        let status_ms = status_ms(&test_env);
        let memory_mb = test_env.memory_peak_mb();
        test_env.kill();
        let (calls, began) = (test_env.calls(), Instant::now());
        test_env.start(&["run"]);
        test_env.until("a request", |test_env| test_env.calls() > calls);
        let start_ms = began.elapsed().as_secs_f64() * 1e3;
        let memory_mb = memory_mb.max(test_env.memory_peak_mb());
        let accepted_per_second = jobs as f64 / took.as_secs_f64();
        (Self { accepted_per_second, memory_mb, idle_percent, status_ms, start_ms }, test_env)
    }

    /// Returns the line about accepting jobs, which may slow down with the size.
    pub fn acceptance(&self, jobs: &str) -> Figure {
        let what = format!("accepting {jobs} jobs");
        Figure::new(what, self.accepted_per_second, "jobs/s", Goal::AtLeast(25_000.0))
    }

    /// Returns the other lines of the table. `memory_max_mb` is the limit for this number of jobs.
    pub fn figures(&self, jobs: &str, memory_max_mb: f64) -> Vec<Figure> {
        let line = |what: &str, measured: f64, unit, goal| {
            Figure::new(format!("{what}, {jobs} queued"), measured, unit, goal)
        };
        vec![
            line("peak memory", self.memory_mb, "MB", Goal::AtMost(memory_max_mb)),
            line("idle, of one core", self.idle_percent, "%", Goal::AtMost(0.5)),
            line("`status`", self.status_ms, "ms", Goal::AtMost(100.0)),
            line("first request after a kill", self.start_ms, "ms", Goal::AtMost(1_000.0)),
        ]
    }
}

/// Measures how long `lipsyncd status` takes, from start to end.
pub fn status_ms(test_env: &TestEnv) -> f64 {
    let mut took: Vec<Duration> = (0..STATUS_TIMES)
        .map(|_| {
            let began = Instant::now();
            assert!(test_env.command(&["status"]).status().unwrap().success());
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[STATUS_TIMES / 2].as_secs_f64() * 1e3
}
