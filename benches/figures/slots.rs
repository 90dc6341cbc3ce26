//! Slots in use, with real clocks and real HTTP.

use lipsyncd::sim::{Ledger, LedgerEntry, SimConfig};

use crate::{
    calls::queries,
    figure::{Figure, Goal},
    samples::{each, repeat},
    test_env::{TestEnv, account},
};

const SLOTS: usize = 20;
const JOBS: usize = 120;

struct Round {
    in_use: f64,
    /// From the start to the end of the program, against the busy time of one slot.
    makespan: f64,
    queries: f64,
}

/// 120 tasks of about two seconds in 20 slots.
pub fn measure(rounds: usize) -> Vec<Figure> {
    let rounds = repeat(rounds, Round::measure);
    vec![
        Figure::ratio(
            "time of 120 tasks of 2.0 to 2.4 s against that of 20 slots that are always busy",
            each(&rounds, |round| round.makespan),
            Goal::AtMost(1.1),
        ),
        Figure::new(
            "slots in use, tasks of 2.0 to 2.4 s in 20 slots",
            each(&rounds, |round| round.in_use),
            "",
            Goal::AtLeast(0.93),
        ),
        Figure::new(
            "queries per job, the same",
            each(&rounds, |round| round.queries),
            "",
            Goal::AtMost(2.0),
        ),
    ]
}

impl Round {
    fn measure() -> Self {
        let account = SimConfig {
            create_latency_ms: 100,
            identify_latency_ms: 150,
            ..account(SLOTS, (2_000, 2_400))
        };
        let mut test_env = TestEnv::new(
            account,
            "limits: { concurrency: 20, identify_per_second: 1000, create_per_second: 1000, query_per_second: 1000 }\n\
             poll: { min_interval: 100ms }\n",
        );
        test_env.drop_jobs(JOBS);
        test_env.age_manifests();
        let run = test_env.run_once();
        let ledger = test_env.sim.ledger();
        assert_eq!(ledger.tasks.len(), JOBS);
        let busy_s = busy_ms(&ledger) as f64 / 1e3;
        Self {
            in_use: in_use(&ledger, SLOTS),
            makespan: run.took.as_secs_f64() / (busy_s / SLOTS as f64),
            queries: queries(&ledger) as f64 / JOBS as f64,
        }
    }
}

/// Returns the busy time of all slots, as a share of the time from the first create request to the last end.
pub fn in_use(ledger: &Ledger, slots: usize) -> f64 {
    let first_ms = ledger.tasks.iter().map(|task| task.accepted_at_ms).min().unwrap();
    let last_ms = ledger.tasks.iter().map(ended_at_ms).max().unwrap();
    busy_ms(ledger) as f64 / (slots as f64 * (last_ms - first_ms) as f64)
}

fn busy_ms(ledger: &Ledger) -> i64 {
    ledger.tasks.iter().map(|task| ended_at_ms(task) - task.accepted_at_ms).sum()
}

fn ended_at_ms(task: &LedgerEntry) -> i64 {
    task.ended_at_ms.unwrap()
}
