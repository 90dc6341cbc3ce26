//! Who is next: by priority, then manifests take turns.

use std::time::Duration;

use lipsyncd::{
    job::{Source, State},
    pipeline::End,
    sim::SimConfig,
    store::WantedJob,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{TestEnv, many, quick, wanted, with};

/// The jobs in the order in which they were paid for.
fn order(test_env: &TestEnv) -> Vec<String> {
    let key = |video: &str| {
        let (key, _) = video.split_once("example/").unwrap().1.split_once(".mp4").unwrap();
        key.replace('/', "-")
    };
    test_env.ledger().tasks.iter().map(|task| key(&task.video)).collect()
}

#[tokio::test]
async fn with_one_slot_priority_comes_first_and_manifests_take_turns() {
    let mut test_env = TestEnv::new(SimConfig { task_ms: (600_000, 600_000), ..quick() }).await;
    test_env.settings.slots = 1;
    let running = test_env.start().await;
    test_env.put("first.yaml", vec![wanted("first")]).await;
    running.nudge();
    test_env.until("the slot taken", async || test_env.ledger().tasks.len() == 1).await;
    test_env.put("a.yaml", many("a", 3)).await;
    test_env.put("b.yaml", many("b", 3)).await;
    let prior = |key: &str, priority| with(key, |spec| spec.priority = priority);
    test_env
        .put("c.yaml", vec![prior("c/low", -5), prior("c/high", 50), prior("c/top", 100)])
        .await;
    running.nudge();
    // The slot is let go of once all that is near its turn is ready for it.
    let is_ready = async || test_env.store.count(&[State::Identified]).await.unwrap() >= 8;
    test_env.until("a window of jobs identified", is_ready).await;
    test_env.sim.control(|sim| sim.config_mut().task_ms = (50, 50));
    test_env.sim.advance(Duration::from_secs(601));
    test_env.until_count(State::Succeeded, 10).await;
    running.stop().await;
    let expected = "first c-top c-high a-000 b-000 a-001 b-001 a-002 b-002 c-low"
        .split(' ')
        .collect::<Vec<_>>();
    assert_eq!(order(&test_env), expected);
}

#[tokio::test]
async fn an_urgent_job_passes_a_full_window() {
    let mut test_env = TestEnv::new(SimConfig { task_ms: (250, 250), ..quick() }).await;
    test_env.settings.slots = 1;
    test_env.put("a.yaml", many("a", 12)).await;
    let running = test_env.start().await;
    test_env.until("the slot taken", async || test_env.ledger().tasks.len() == 1).await;
    test_env.put("b.yaml", vec![with("b/urgent", |spec| spec.priority = 100)]).await;
    running.nudge();
    test_env.until_state("b/urgent", State::Succeeded).await;
    running.stop().await;
    let place = order(&test_env).iter().position(|key| key == "b-urgent").unwrap();
    assert!(place <= 2, "it came {place}th");
}

#[tokio::test]
async fn a_long_queue_is_finished_without_a_wake_up() {
    let mut test_env =
        TestEnv::new(SimConfig { concurrency: 50, task_ms: (1, 5), ..quick() }).await;
    test_env.settings.slots = 20;
    test_env.put("a.yaml", many("a", 150)).await;
    test_env.put("b.yaml", many("b", 100)).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(250).await;
    assert!(test_env.ledger().at_once_max <= 20);
}

/// A server of audio files that is always busy, and takes its time to say so.
async fn busy_server() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _read = socket.read(&mut request).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
                let busy = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _written = socket.write_all(busy).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn audio_that_cannot_be_downloaded_delays_no_other_job() {
    let test_env = TestEnv::new(quick()).await;
    let address = busy_server().await;
    // Each fails, and comes again before all of them were tried.
    let failing = |n: usize| {
        with(&format!("m/failing-{n:02}"), |spec| {
            spec.audio = Source::Url(format!("http://{address}/{n}.mp3"));
            spec.sound_end_ms = None;
        })
    };
    let jobs: Vec<WantedJob> = (0..40).map(failing).chain(many("m", 5)).collect();
    test_env.put("m.yaml", jobs).await;
    let running = test_env.start().await;
    test_env.until_count(State::Succeeded, 5).await;
    running.stop().await;
    // Nor are they forgotten.
    let tried = test_env.tasks().await.into_iter().filter(|job| job.tries > 0).count();
    assert_eq!(tried, 40);
}
