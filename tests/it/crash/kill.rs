//! Killed with -9 at random instants of its life, from its first millisecond on: nothing is paid
//! twice, nothing is lost.
//!
//! `LIPSYNCD_KILLS=1000 cargo test --test it crash::kill -- --nocapture` sets the number of kills,
//! `LIPSYNCD_KILL_SEED=7` draws other instants.

use std::{sync::Mutex, thread, time::Duration};

use lipsyncd::sim::SimConfig;

use super::batch::{Batch, KINDS, TASKS};
use crate::support::{
    chance::Chance,
    counts::{count, number},
    daemon::{BRISK, TestEnv, quick},
};

/// Six manifests, 60 jobs, are worked off before the next test_env.
const MANIFESTS: usize = 6;
/// Houses at once: a daemon mostly waits.
const THREADS: u64 = 3;

/// A third of all lives end while the daemon starts, the others at some time of its work: on a slow
/// machine, where much was killed already, later.
fn life(chance: &Chance, killed: u64) -> Duration {
    match chance.index(3) {
        0 => Duration::from_micros(chance.next() % 60_000),
        _ => Duration::from_millis(chance.next() % (400 + 25 * killed)),
    }
}

#[derive(Default)]
struct Sum {
    test_envs: u64,
    kills: u64,
    jobs: usize,
    tasks: usize,
}

/// Works a batch off, killed up to `kills` times on the way; returns how often it was.
fn one_test_env(chance: &Chance, kills: u64, sum: &Mutex<Sum>) -> u64 {
    let mut test_env =
        TestEnv::new(SimConfig { create_latency_ms: 5, unique_external_ids: false, ..quick() });
    test_env.configure_with(&BRISK, 5, "");
    let batch = Batch::fill(&test_env, MANIFESTS);
    let mut killed = 0;
    while killed < kills && !batch.all_succeeded(&test_env) {
        test_env.spawn();
        thread::sleep(life(chance, killed));
        test_env.kill();
        killed += 1;
    }
    test_env.spawn();
    test_env.until("all to succeed", |test_env| batch.all_succeeded(test_env));
    test_env.kill();
    batch.assert_delivered(&test_env, killed + 1);
    batch.assert_called_back(&test_env);
    let mut sum = sum.lock().unwrap();
    sum.test_envs += 1;
    sum.kills += killed;
    sum.jobs += batch.keys.len();
    sum.tasks += test_env.ledger().tasks.len();
    killed
}

#[test]
fn killed_at_random_instants_it_pays_nothing_twice_and_loses_nothing() {
    let kills = count("LIPSYNCD_KILLS", 40, 200);
    let seed = number("LIPSYNCD_KILL_SEED").unwrap_or(20_261_125);
    println!("seed {seed}");
    let sum = Mutex::new(Sum::default());
    thread::scope(|scope| {
        for n in 0..THREADS {
            let sum = &sum;
            scope.spawn(move || {
                let chance = Chance::new(seed.wrapping_add(n));
                let mut left = kills / THREADS + u64::from(n < kills % THREADS);
                while left > 0 {
                    left -= one_test_env(&chance, left, sum);
                }
            });
        }
    });
    let Sum { test_envs, kills, jobs, tasks } = sum.into_inner().unwrap();
    assert_eq!((jobs % (MANIFESTS * KINDS), tasks), (0, jobs / KINDS * TASKS));
    println!(
        "kills {kills}, test_envs {test_envs}, jobs {jobs}, tasks accepted {tasks}, paid twice 0, lost 0, \
         integrity ok (seed {seed})"
    );
}
