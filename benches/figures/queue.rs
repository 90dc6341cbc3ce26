//! A long queue and a full account: accepting the jobs, memory, idle cost, commands, restart.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    figure::{Figure, Goal},
    samples::{Samples, repeat},
    test_env::{TestEnv, account},
};

const SLOTS: usize = 5;
/// Tasks that do not end during the measurement.
const TASK_MS: i64 = 3_600_000;
/// `watch.settle`, which is subtracted.
pub const SETTLE: Duration = Duration::from_secs(1);
/// How often a command is run.
const COMMAND_TIMES: usize = 9;
/// How often the daemon is killed.
const KILLS: usize = 5;

/// The costs of queued jobs.
#[derive(Default)]
pub struct Queue {
    pub accepted_per_second: Samples,
    pub memory_mb: Samples,
    /// Of one core.
    pub idle_percent: Samples,
    pub status_ms: Samples,
    pub list_ms: Samples,
    pub start_ms: Samples,
}

impl Queue {
    /// Measures once more. `idle` is how long the idle daemon is measured; it rescans every 30 s. The daemon keeps
    /// running.
    pub fn measure(&mut self, jobs: usize, idle: Duration) -> TestEnv {
        let mut test_env = TestEnv::new(account(SLOTS, (TASK_MS, TASK_MS)), "");
        test_env.start(&["run"]);
        test_env.until_scanned(0);
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
        self.idle_percent.add(used / began.elapsed().as_secs_f64() * 100.0);
        self.status_ms.extend(command_ms(&test_env, &["status"]));
        self.list_ms.extend(command_ms(&test_env, &["list", "--limit", "50"]));
        let mut memory_mb = test_env.memory_peak_mb();
        for _ in 0..KILLS {
            test_env.kill();
            let (calls, began) = (test_env.calls(), Instant::now());
            test_env.start(&["run"]);
            test_env.until("a request", |test_env| test_env.calls() > calls);
            self.start_ms.add(began.elapsed().as_secs_f64() * 1e3);
            memory_mb = memory_mb.max(test_env.memory_peak_mb());
        }
        self.memory_mb.add(memory_mb);
        self.accepted_per_second.add(jobs as f64 / took.as_secs_f64());
        test_env
    }

    /// Returns the lines of the table. `accepted_per_second` is the goal for this number of jobs.
    pub fn figures(&self, jobs: &str, accepted_per_second: f64) -> Vec<Figure> {
        let line = |what: &str, measured: &Samples, unit, goal| {
            Figure::new(format!("{what}, {jobs} queued"), measured.clone(), unit, goal)
        };
        let ms = |what, measured| line(what, measured, "ms", Goal::AtMost(100.0));
        let accepted = self.accepted_per_second.clone();
        let at_least = Goal::AtLeast(accepted_per_second);
        vec![
            Figure::new(format!("accepting {jobs} jobs"), accepted, "jobs/s", at_least),
            line("peak memory", &self.memory_mb, "MB", Goal::AtMost(40.0)),
            line("idle, of one core", &self.idle_percent, "%", Goal::AtMost(0.1)),
            ms("first request after a kill", &self.start_ms),
            ms("`status`", &self.status_ms),
            ms("`list --limit 50`", &self.list_ms),
        ]
    }
}

/// Measures how long a command of lipsyncd takes, from start to end.
pub fn command_ms(test_env: &TestEnv, arguments: &[&str]) -> Samples {
    let took = repeat(COMMAND_TIMES, || {
        let began = Instant::now();
        assert!(test_env.command(arguments).status().unwrap().success());
        began.elapsed().as_secs_f64() * 1e3
    });
    took.into_iter().collect()
}
