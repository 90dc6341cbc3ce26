//! The daemon is killed with `kill -9` at random times, from its first millisecond on: nothing is paid twice, nothing
//! is lost.
//!
//! `LIPSYNCD_KILLS=1000 cargo test --test it crash::kill -- --nocapture` sets the number of kills,
//! `LIPSYNCD_KILL_SEED=7` draws other times.

use std::{sync::Mutex, thread, time::Duration};

use lipsyncd::sim::SimConfig;

use super::batch::{Batch, KINDS, TASKS};
use crate::support::{
    chance::Chance,
    counts::{count, number},
    daemon::{BRISK, TestEnv, quick},
};

/// Manifests of one environment: 60 jobs.
const MANIFESTS: usize = 6;
/// Environments at the same time: a daemon mostly waits.
const THREADS: u64 = 3;

/// How long the daemon runs. A third of all runs end while it starts. The others last longer the more kills there were,
/// so that slow machines make progress.
fn run_time(chance: &Chance, killed: u64) -> Duration {
    match chance.index(3) {
        0 => Duration::from_micros(chance.next() % 60_000),
        _ => Duration::from_millis(chance.next() % (400 + 25 * killed)),
    }
}

#[derive(Default)]
struct Totals {
    environments: u64,
    kills: u64,
    jobs: usize,
    tasks: usize,
}

/// Completes a batch, with up to `kills` kills before; returns how many there were.
fn run_environment(chance: &Chance, kills: u64, totals: &Mutex<Totals>) -> u64 {
    let mut test_env =
        TestEnv::new(SimConfig { create_latency_ms: 5, unique_external_ids: false, ..quick() });
    test_env.configure_with(&BRISK, 5, "");
    let batch = Batch::fill(&test_env, MANIFESTS);
    let mut killed = 0;
    while killed < kills && !batch.all_succeeded(&test_env) {
        test_env.spawn();
        thread::sleep(run_time(chance, killed));
        test_env.kill();
        killed += 1;
    }
    test_env.spawn();
    test_env.until("all to succeed", |test_env| batch.all_succeeded(test_env));
    test_env.kill();
    batch.assert_delivered(&test_env, killed + 1);
    batch.assert_called_back(&test_env);
    let mut totals = totals.lock().unwrap();
    totals.environments += 1;
    totals.kills += killed;
    totals.jobs += batch.keys.len();
    totals.tasks += test_env.ledger().tasks.len();
    killed
}

#[test]
fn daemon_killed_at_random_times_pays_nothing_twice_and_loses_nothing() {
    let kills = count("LIPSYNCD_KILLS", 40, 200);
    let seed = number("LIPSYNCD_KILL_SEED").unwrap_or(20_261_125);
    println!("seed {seed}");
    let totals = Mutex::new(Totals::default());
    thread::scope(|scope| {
        for n in 0..THREADS {
            let totals = &totals;
            scope.spawn(move || {
                let chance = Chance::new(seed.wrapping_add(n));
                let mut left = kills / THREADS + u64::from(n < kills % THREADS);
                while left > 0 {
                    left -= run_environment(&chance, left, totals);
                }
            });
        }
    });
    let Totals { environments, kills, jobs, tasks } = totals.into_inner().unwrap();
    assert_eq!((jobs % (MANIFESTS * KINDS), tasks), (0, jobs / KINDS * TASKS));
    println!(
        "kills {kills}, environments {environments}, jobs {jobs}, tasks accepted {tasks}, paid twice 0, lost 0, \
         integrity ok (seed {seed})"
    );
}
