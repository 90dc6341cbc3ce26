//! Results that are fetched again, because no copy of them is left: free for 30 days, and never paid for.

use std::{fs, time::Duration};

use lipsyncd::{
    job::{JobSpec, Source, State},
    pipeline::End,
    sim::{Endpoint, FaultRule},
    store::{Command, WantedJob},
};

use crate::support::{TestEnv, hashed, quick, wanted};

const DAYS_31: Duration = Duration::from_secs(31 * 24 * 60 * 60);

fn same(key: &str) -> WantedJob {
    let spec = JobSpec {
        video: Source::Url("https://cdn.example/one.mp4?duration_ms=10000&faces=1".into()),
        audio: Source::Url("https://cdn.example/one.mp3?duration_ms=8000".into()),
        ..wanted(key).spec
    };
    hashed(spec, Default::default())
}

/// A test environment with one result that somebody edited since.
async fn edited() -> TestEnv {
    let test_env = TestEnv::new(quick()).await;
    test_env.put("m.yaml", vec![same("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    let path = test_env.output("m/a.mp4");
    let mut bytes = fs::read(&path).unwrap();
    // Of the same size.
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    test_env
}

#[tokio::test]
async fn edited_source_is_not_copied_but_fetched_again() {
    let test_env = edited().await;
    let before = fs::read(test_env.output("m/a.mp4")).unwrap();
    test_env.put("n.yaml", vec![same("n/b"), same("n/c")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    for key in ["n/b", "n/c"] {
        assert_eq!(test_env.state(key).await, State::Succeeded);
        test_env.assert_file(&format!("{key}.mp4"), &test_env.task(key).await);
    }
    assert_eq!(test_env.ledger().tasks.len(), 1);
    assert_eq!(test_env.ledger().accepted(Endpoint::Download), 2, "the last is a copy again");
    assert_eq!(fs::read(test_env.output("m/a.mp4")).unwrap(), before, "what people edit stays");
}

#[tokio::test]
async fn result_that_kling_no_longer_keeps_is_result_expired() {
    let test_env = edited().await;
    test_env.sim.advance(DAYS_31);
    test_env.set_ahead(DAYS_31.as_millis() as i64);
    test_env.put("n.yaml", vec![same("n/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    let job = test_env.job("n/b").await;
    let failure = job.failure.unwrap();
    assert_eq!((job.state, failure.code.as_str()), (State::Failed, "result_expired"));
    assert!(failure.message.contains("lipsyncd retry n/b"), "{}", failure.message);
    assert_eq!(test_env.ledger().tasks.len(), 1, "nothing is paid");
    assert_eq!(test_env.state("m/a").await, State::Succeeded, "it has what it had");
    // A retry pays for the next take.
    test_env.command("n/b", Command::Retry).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!((test_env.state("n/b").await, test_env.ledger().tasks.len()), (State::Succeeded, 2));
    test_env.assert_file("n/b.mp4", &test_env.task("n/b").await);
}

#[tokio::test]
async fn old_result_is_still_copied_while_a_file_of_it_is_left() {
    let test_env = TestEnv::new(quick()).await;
    test_env.put("m.yaml", vec![same("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.sim.advance(DAYS_31);
    test_env.set_ahead(DAYS_31.as_millis() as i64);
    test_env.put("n.yaml", vec![same("n/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(2, 1).await;
}

#[tokio::test]
async fn young_result_that_is_late_is_waited_for() {
    let test_env = edited().await;
    let status = lipsyncd::sim::Fault::Status { status: 404 };
    test_env.fault(FaultRule::always(Endpoint::Download, status));
    test_env.put("n.yaml", vec![same("n/b")]).await;
    let running = test_env.start().await;
    test_env.until("tries to fail", async || test_env.job("n/b").await.delivery.tries > 2).await;
    assert_eq!(test_env.state("n/b").await, State::Downloading);
    test_env.clear_faults();
    test_env.until_state("n/b", State::Succeeded).await;
    running.stop().await;
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[tokio::test]
async fn the_fetch_command_restores_a_lost_file() {
    let test_env = TestEnv::new(quick()).await;
    test_env.put("m.yaml", vec![same("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    fs::remove_file(test_env.output("m/a.mp4")).unwrap();
    test_env.command("m/a", Command::Fetch).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Download), 2);
}

/// Take 1, which was set aside for take 2, is asked for again: at its own output, and at that of another job.
#[tokio::test]
async fn old_result_that_was_set_aside_is_copied() {
    for key in ["m/a", "n/b"] {
        let test_env = TestEnv::new(quick()).await;
        test_env.put("m.yaml", vec![same("m/a")]).await;
        assert_eq!(test_env.run().await, End::Idle);
        let first = test_env.task("m/a").await;
        test_env.command("m/a", Command::Retry).await;
        assert_eq!(test_env.run().await, End::Idle);
        test_env.sim.advance(DAYS_31);
        test_env.set_ahead(DAYS_31.as_millis() as i64);
        let first_take = hashed(JobSpec { take: Some(1), ..same(key).spec }, Default::default());
        test_env.put(&format!("{}.yaml", &key[..1]), vec![first_take]).await;
        assert_eq!(test_env.run().await, End::Idle);
        let failure = test_env.job(key).await.failure;
        assert_eq!((test_env.state(key).await, failure), (State::Succeeded, None));
        assert_eq!(test_env.task(key).await.id, first.id);
        test_env.assert_file(&format!("{key}.mp4"), &first);
        assert_eq!(
            (test_env.ledger().tasks.len(), test_env.ledger().accepted(Endpoint::Download)),
            (2, 2)
        );
    }
}
