//! The store against a model of it: random operations of the folder, of people and of the API on a real file.
//! Whatever happens, a request and take is one task, jobs show their task, and every history is a chain.

mod acts;
mod checks;
mod people;
mod settle;
mod steps;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher as _, Hasher as _, RandomState},
};

use proptest::{
    prelude::ProptestConfig,
    test_runner::{RngSeed, TestError, TestRunner, contextualize_config},
};

use super::*;
use crate::{job::tests::scenario::all_outcomes, store::SessionFaces};

/// A store, and what its history allows.
struct World {
    bench: Bench,
    sql: rusqlite::Connection,
    all_outcomes: Vec<(&'static str, Outcome)>,
    /// The jobs of each manifest as it was last read without errors.
    folder: BTreeMap<&'static str, Vec<WantedJob>>,
    /// Requests and takes above 1 that somebody asked for.
    asked: BTreeSet<(String, u32)>,
    ledger: checks::Ledger,
    names: std::ops::RangeFrom<u32>,
}

impl World {
    async fn new() -> Self {
        let bench = Bench::new();
        // The outcomes name row 3.
        for _ in 0..3 {
            let session = Session {
                row: 0,
                session_id: "s".to_owned(),
                identified_at_ms: NOW_MS,
                expires_at_ms: i64::MAX,
            };
            let known = SessionFaces { session, faces: Vec::new() };
            bench.store.keep_session("account", "video", known).await.unwrap();
        }
        Self {
            sql: bench.sql(),
            bench,
            all_outcomes: all_outcomes(),
            folder: BTreeMap::new(),
            asked: BTreeSet::new(),
            ledger: checks::Ledger::default(),
            names: 0..,
        }
    }

    fn check(&mut self) {
        self.ledger.check(&self.sql, &self.asked);
    }
}

/// So many histories in a normal run; `PROPTEST_CASES` asks for others.
const HISTORIES: u32 = 32;

/// Returns the seed in `PROPTEST_RNG_SEED`, else a random one: the message of a failure repeats the run.
fn seed(config: &ProptestConfig) -> u64 {
    match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().build_hasher().finish(),
    }
}

async fn play(steps: &[steps::Step]) {
    let mut world = World::new().await;
    for step in steps {
        world.step(step).await;
        world.check();
    }
    world.settle().await;
}

#[test]
fn sharing_keeps_its_rules_whatever_happens() {
    let config = contextualize_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 500,
        ..ProptestConfig::with_cases(HISTORIES)
    });
    let seed = seed(&config);
    let config = ProptestConfig { rng_seed: RngSeed::Fixed(seed), ..config };
    let tried = TestRunner::new(config).run(&steps::steps(), |steps| {
        tokio::runtime::Builder::new_current_thread().build()?.block_on(play(&steps));
        Ok(())
    });
    let again =
        format!("run again with PROPTEST_RNG_SEED={seed} and at least as many PROPTEST_CASES");
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(why, steps)) => panic!("{why}\n{steps:#?}\n{again}"),
        Err(TestError::Abort(why)) => panic!("{why}\n{again}"),
    }
}
