//! Slots in use, with real clocks and real HTTP.

use lipsyncd::sim::{Endpoint, Ledger, LedgerEntry, SimConfig};

use crate::{
    figure::{Figure, Goal},
    test_env::{TestEnv, account},
};

const SLOTS: usize = 20;
const JOBS: usize = 120;

/// 120 tasks of about two seconds in 20 slots.
pub fn measure() -> Vec<Figure> {
    let account = SimConfig {
        create_latency_ms: 100,
        identify_latency_ms: 150,
        ..account(SLOTS, (2_000, 2_400))
    };
    let mut test_env = TestEnv::new(
        account,
        "limits: { concurrency: 20, identify_per_second: 1000, create_per_second: 1000 }\n\
         poll: { min_interval: 100ms }\n",
    );
    test_env.drop_jobs(JOBS);
    test_env.age_manifests();
    test_env.start(&["run", "--once"]);
    test_env.end();
    let ledger = test_env.sim.ledger();
    assert_eq!(ledger.tasks.len(), JOBS);
    let in_use = in_use(&ledger, SLOTS);
    let queries = ledger.accepted(Endpoint::Query) + ledger.accepted(Endpoint::List);
    vec![
        Figure::new(
            "slots in use, tasks of 2.0 to 2.4 s in 20 slots",
            in_use,
            "",
            Goal::AtLeast(0.92),
        ),
        Figure::new(
            "queries per job, the same",
            queries as f64 / JOBS as f64,
            "",
            Goal::AtMost(1.0),
        ),
    ]
}

/// Returns the busy time of all slots, as a share of the time from the first create request to the last end.
pub fn in_use(ledger: &Ledger, slots: usize) -> f64 {
    let ended = |task: &LedgerEntry| task.ended_at_ms.unwrap();
    let busy_ms: i64 = ledger.tasks.iter().map(|task| ended(task) - task.accepted_at_ms).sum();
    let first_ms = ledger.tasks.iter().map(|task| task.accepted_at_ms).min().unwrap();
    let last_ms = ledger.tasks.iter().map(ended).max().unwrap();
    busy_ms as f64 / (slots as f64 * (last_ms - first_ms) as f64)
}
