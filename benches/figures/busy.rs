//! Memory while all slots are busy and results arrive.

use lipsyncd::sim::SimConfig;

use crate::{
    figure::{Figure, Goal},
    folders,
    samples::repeat,
    test_env::{TestEnv, account},
};

const SLOTS: usize = 256;
/// Each slot ends about two tasks.
const FINISHED: usize = 600;
/// Enough to keep all slots busy.
const JOBS: usize = 2_000;
const RESULT_BYTES: u64 = 2_000_000;

/// Measures the peak memory until some tasks of each slot have ended, with a default of four downloads at once.
pub fn measure(rounds: usize) -> Figure {
    let peaks = repeat(rounds, || {
        let account =
            SimConfig { min_result_bytes: RESULT_BYTES, ..account(SLOTS, (4_000, 6_000)) };
        let mut test_env = TestEnv::new(
            account,
            "limits: { concurrency: 256, identify_per_second: 1000, create_per_second: 1000, query_per_second: 1000 }\n",
        );
        test_env.drop_jobs(JOBS);
        test_env.age_manifests();
        test_env.start(&["run"]);
        test_env.until_accepted(JOBS);
        test_env.until_succeeded(FINISHED);
        assert_eq!(test_env.sim.ledger().at_once_max, SLOTS);
        let peak_mb = test_env.memory_peak_mb();
        test_env.kill();
        folders::delete(&test_env.dir);
        peak_mb
    });
    let peaks = peaks.into_iter().collect::<crate::samples::Samples>();
    Figure::new("peak memory, 256 slots busy", peaks, "MB", Goal::AtMost(40.0))
}
