//! A long queue and an account that is full: taking it in, holding it, standing still, starting again.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    figure::{Figure, Goal},
    test_env::{TestEnv, account},
};

const SLOTS: usize = 5;
/// Tasks that do not end while somebody looks.
const TASK_MS: i64 = 3_600_000;
/// `watch.settle`, which nobody can hurry.
pub const SETTLE: Duration = Duration::from_secs(1);
/// So often `status` is asked; the median counts.
const STATUS_TIMES: usize = 9;

/// What so many queued jobs cost.
#[derive(Debug)]
pub struct Queue {
    pub taken_in_per_second: f64,
    pub memory_mb: f64,
    /// Of one core.
    pub still_percent: f64,
    pub status_ms: f64,
    pub start_ms: f64,
}

impl Queue {
    /// `still` is for how long it is watched doing nothing; a rescan comes each 30 s. The daemon goes on.
    pub fn measure(jobs: usize, still: Duration) -> (Self, TestEnv) {
        let mut test_env = TestEnv::new(account(SLOTS, (TASK_MS, TASK_MS)), "");
        test_env.start(&["run"]);
        test_env
            .until("the daemon", |test_env| test_env.log().contains("the folder has been read"));
        let began = Instant::now();
        test_env.drop_jobs(jobs);
        let dropped = began.elapsed();
        test_env.until_taken_in(jobs);
        let took = (began.elapsed() - dropped).saturating_sub(SETTLE);
        test_env.until("a full account", |test_env| test_env.sim.ledger().tasks.len() == SLOTS);
        // What came with the taking in is still being put away.
        sleep(Duration::from_secs(5));
        let (used, began) = (test_env.processor_time(), Instant::now());
        sleep(still);
        let used = (test_env.processor_time() - used).as_secs_f64();
        let still_percent = used / began.elapsed().as_secs_f64() * 100.0;
        let status_ms = status_ms(&test_env);
        let memory_mb = test_env.memory_peak_mb();
        test_env.kill();
        let (calls, began) = (test_env.calls(), Instant::now());
        test_env.start(&["run"]);
        test_env.until("a request", |test_env| test_env.calls() > calls);
        let start_ms = began.elapsed().as_secs_f64() * 1e3;
        let memory_mb = memory_mb.max(test_env.memory_peak_mb());
        let taken_in_per_second = jobs as f64 / took.as_secs_f64();
        (Self { taken_in_per_second, memory_mb, still_percent, status_ms, start_ms }, test_env)
    }

    /// The line of the table on taking in, which may slow down with what is there.
    pub fn taking_in(&self, jobs: &str) -> Figure {
        let what = format!("taking in, {jobs} jobs");
        Figure::new(what, self.taken_in_per_second, "jobs/s", Goal::AtLeast(25_000.0))
    }

    /// The other lines of the table; `memory_max_mb` is what so many jobs may take.
    pub fn figures(&self, jobs: &str, memory_max_mb: f64) -> Vec<Figure> {
        let line = |what: &str, measured: f64, unit, goal| {
            Figure::new(format!("{what}, {jobs} queued"), measured, unit, goal)
        };
        vec![
            line("memory, at its peak", self.memory_mb, "MB", Goal::AtMost(memory_max_mb)),
            line("standing still, of one core", self.still_percent, "%", Goal::AtMost(0.5)),
            line("`status`", self.status_ms, "ms", Goal::AtMost(100.0)),
            line("first request after a kill", self.start_ms, "ms", Goal::AtMost(1_000.0)),
        ]
    }
}

/// How long `lipsyncd status` takes, from its start to its end.
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
