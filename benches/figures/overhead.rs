//! What a job costs beside its task: tasks end at once, and all the rest is ours.

use std::time::Instant;

use lipsyncd::sim::SimConfig;

use crate::{
    figure::{Figure, Goal},
    test_env::{TestEnv, account},
};

/// An account that holds nobody up.
pub const SETTINGS: &str = "
limits: { concurrency: 256, identify_per_second: 100000, create_per_second: 100000, query_per_second: 100000 }
poll: { min_interval: 10ms }
download: { concurrency: 16 }
";
const RESULT_BYTES: u64 = 20_000;

/// Measures this many jobs from the start to the end of the daemon.
pub fn measure(jobs: usize) -> Vec<Figure> {
    let account = SimConfig { min_result_bytes: RESULT_BYTES, ..account(256, (0, 0)) };
    let mut test_env = TestEnv::new(account, SETTINGS);
    test_env.drop_jobs(jobs);
    test_env.age_manifests();
    let began = Instant::now();
    test_env.start(&["run", "--once"]);
    let cpu = test_env.end();
    let took = began.elapsed();
    let each = jobs as f64;
    vec![
        Figure::new(
            "overhead, tasks that end at once",
            each / took.as_secs_f64(),
            "jobs/s",
            Goal::AtLeast(2_000.0),
        )
        .known_to_be(Goal::AtLeast(600.0)),
        Figure::new(
            "overhead, CPU time per job",
            cpu.as_secs_f64() * 1e3 / each,
            "ms",
            Goal::AtMost(0.5),
        )
        .known_to_be(Goal::AtMost(2.0)),
    ]
}
