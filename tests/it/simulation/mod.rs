//! The simulation: the pipeline, the store on a real file, and the simulator's rules in one process, on a
//! clock that jumps from one event to the next. A seed decides all that looks like chance, and the same
//! seed always plays the same scenario.
//!
//! `LIPSYNCD_SEEDS=20000 cargo test --test it simulation::seeds -- --nocapture` plays 20000 seeds, from
//! `LIPSYNCD_FIRST_SEED` (0) on; with `LIPSYNCD_SEED=17` it prints all that happens in one.
//! `MISTAKE=RenamedOnResend cargo test --test it simulation::planted -- --nocapture` plants only this mistake.

mod api;
mod audio_files;
mod changes;
mod changes_of_manifests;
mod check;
mod check_calls;
mod check_folder;
mod check_waiting;
mod daemon;
mod deciding;
mod ending;
mod faults;
mod folder;
mod hosts;
mod lookup_outages;
mod lookups;
mod mistakes;
mod process;
mod requests;
mod results;
mod run;
mod setup;
mod time;
mod users;
mod world;

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
};

use crate::support::counts::{count, is_full, number};
use mistakes::Mistake;
use run::play;

/// One of these seeds must catch each deliberate mistake.
const SEEDS: u64 = 1_000;
/// Cores of the machines that run the tests.
const THREADS: usize = 2;

#[test]
fn seeds() {
    if let Some(seed) = number("LIPSYNCD_SEED") {
        let mut scenario = play(seed, None);
        scenario.history.sort_by(|one, other| one[..24].cmp(&other[..24]));
        scenario.history.iter().for_each(|line| println!("{line}"));
        assert!(scenario.violations.is_empty(), "seed {seed}: {:#?}", scenario.violations);
        return;
    }
    let first = number("LIPSYNCD_FIRST_SEED").unwrap_or(0);
    let next = AtomicU64::new(first);
    let last = first + count("LIPSYNCD_SEEDS", 100, 1_000);
    let (runs, tasks, changes) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let violated = thread::scope(|scope| {
        let work = || {
            let mut violated = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= last {
                    return violated;
                }
                let scenario = play(seed, None);
                runs.fetch_add(scenario.runs as usize, Ordering::Relaxed);
                tasks.fetch_add(scenario.tasks, Ordering::Relaxed);
                changes.fetch_add(scenario.history.len(), Ordering::Relaxed);
                violated.extend(
                    (!scenario.violations.is_empty()).then_some((seed, scenario.violations)),
                );
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    println!(
        "{} seeds: {} daemon runs, {} tasks, {} changes of jobs; {} seeds with violations",
        last - first,
        runs.into_inner(),
        tasks.into_inner(),
        changes.into_inner(),
        violated.len()
    );
    assert!(violated.is_empty(), "{violated:#?}");
}

/// Every deliberate mistake is caught by some seed; otherwise the checker is wrong.
///
/// `MISTAKE` names a single mistake. In the copy of the source that `tests/mistakes.sh` makes, it may be one of
/// `tests/mistakes`.
#[test]
fn planted_mistakes_are_caught() {
    let only = std::env::var("MISTAKE").ok();
    let turns: Vec<(String, Option<Mistake>)> = match &only {
        Some(name) => {
            let own = Mistake::ALL.into_iter().find(|mistake| format!("{mistake:?}") == *name);
            vec![(name.clone(), own)]
        }
        None => {
            let all = Mistake::ALL.into_iter();
            all.map(|mistake| (format!("{mistake:?}"), Some(mistake))).collect()
        }
    };
    let next = AtomicUsize::new(0);
    let work = || {
        let mut caught = Vec::new();
        while let Some((name, mistake)) = turns.get(next.fetch_add(1, Ordering::Relaxed)) {
            let by = (0..SEEDS).find_map(|seed| {
                let violations = play(seed, *mistake).violations;
                (!violations.is_empty()).then(|| (seed, violations[0].clone()))
            });
            match &by {
                Some((seed, what)) => println!("{name}: caught by seed {seed}: {what}"),
                None => println!("{name}: not caught by {SEEDS} seeds"),
            }
            caught.push(by.is_some());
        }
        caught
    };
    let caught = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(caught.iter().all(|caught| *caught));
    assert_eq!(caught.len(), turns.len());
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..if is_full() { 20 } else { 5 } {
        assert_eq!(play(seed, None).history, play(seed, None).history, "seed {seed}");
    }
}
