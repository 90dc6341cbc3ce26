//! The process ends at any moment, again and again: each job is paid for once, and none is lost.

use std::time::Duration;

use lipsyncd::{
    job::State,
    pipeline::{End, Heartbeat, Pipeline, Until},
    sim::SimConfig,
    store::Store,
};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::support::{TestEnv, many, quick};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs the pipeline in a runtime of its own for `life`, then drops all of it at once.
fn live_and_die(test_env: &TestEnv, life: Duration) -> Option<End> {
    let process = runtime();
    let store = Store::open(test_env.store.path()).unwrap();
    let (client, clock, settings) =
        (test_env.client(), test_env.clock(), test_env.settings.clone());
    let end = process.block_on(async move {
        let pipeline = Pipeline::new(client, store, clock, settings).await.unwrap();
        let (nudge, stop, more) =
            (Default::default(), CancellationToken::new(), Default::default());
        let running = tokio::spawn(pipeline.run(nudge, stop, Until::Idle, more, Heartbeat::NONE));
        let abort = running.abort_handle();
        let ended = tokio::time::timeout(life, running).await;
        abort.abort();
        ended.ok().map(|end| end.unwrap().unwrap())
    });
    process.shutdown_timeout(Duration::from_secs(5));
    end
}

#[test]
fn killed_at_random_moments_nothing_is_paid_twice_and_nothing_is_lost() {
    let world = runtime();
    let config = SimConfig {
        task_ms: (20, 120),
        create_latency_ms: 15,
        min_result_bytes: 100_000,
        ..quick()
    };
    let test_env = world.block_on(TestEnv::new(config));
    world.block_on(test_env.put("m.yaml", many("m", 30)));
    // Chance from a seed, so that a failure comes again.
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut deaths = 0;
    for _ in 0..200 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let life =
            Duration::from_millis(if deaths < 20 { 10 + (seed >> 33) % 110 } else { 30_000 });
        match live_and_die(&test_env, life) {
            Some(end) => {
                assert_eq!(end, End::Idle);
                break;
            }
            None => deaths += 1,
        }
    }
    assert!(deaths >= 10, "only {deaths} deaths: the lives are too long");
    world.block_on(test_env.assert_all_succeeded(30));
    assert!(test_env.ledger().at_once_max <= 5);
    assert_eq!(world.block_on(test_env.store.count(&[State::Unresolved])).unwrap(), 0);
}

#[tokio::test]
async fn a_stopped_run_continues_where_it_was() {
    let test_env = TestEnv::new(SimConfig { create_latency_ms: 100, ..quick() }).await;
    test_env.put("m.yaml", many("m", 8)).await;
    for tasks in [1, 3, 6] {
        let running = test_env.start().await;
        test_env.until("some tasks", async || test_env.ledger().tasks.len() >= tasks).await;
        assert_eq!(running.stop().await, End::Stopped);
        // The answers that were awaited have been written down.
        assert_eq!(test_env.store.count(&[State::Creating]).await.unwrap(), 0);
    }
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(8).await;
}
