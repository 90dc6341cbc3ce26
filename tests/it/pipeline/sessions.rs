//! Sessions that run out, and videos that are identified once for all.

use std::fs;

use lipsyncd::{
    job::{Source, State},
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
};

use crate::support::{TestEnv, quick, wanted, with};

#[tokio::test]
async fn a_session_that_expired_at_the_api_is_identified_again() {
    let config = SimConfig { session_ttl_ms: 400, task_ms: (600, 600), ..quick() };
    let mut test_env = TestEnv::new(config).await;
    test_env.settings.slots = 1;
    // The second waits for the slot for longer than its session lives.
    test_env.put("m.yaml", vec![wanted("m/a"), wanted("m/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(2).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 3);
}

#[tokio::test]
async fn a_session_that_is_known_to_have_expired_is_not_used() {
    let mut test_env = TestEnv::new(SimConfig { task_ms: (600, 600), ..quick() }).await;
    test_env.settings.slots = 1;
    test_env.settings.session_ttl_ms = 400;
    test_env.put("m.yaml", vec![wanted("m/a"), wanted("m/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(2).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 3);
    assert_eq!(test_env.ledger().refused(Endpoint::Create, 1201), 0);
}

#[tokio::test]
async fn a_session_that_keeps_vanishing_fails_after_two() {
    let test_env = TestEnv::new(SimConfig { session_ttl_ms: 0, ..quick() }).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    let failure = test_env.task("m/a").await.failure.unwrap();
    assert_eq!(failure.code, "1201");
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 2);
    assert_eq!(test_env.ledger().tasks.len(), 0);
}

#[tokio::test]
async fn jobs_of_one_video_share_one_identify_even_when_it_is_refused_at_first() {
    let test_env = TestEnv::new(SimConfig { identify_latency_ms: 50, ..quick() }).await;
    let of_one_video = |n: usize| {
        with(&format!("m/{n}"), |spec| {
            spec.video = Source::Url("https://cdn.example/one.mp4?duration_ms=9000".into());
            spec.face = lipsyncd::job::FaceChoice::First;
        })
    };
    test_env.fault(FaultRule::once(Endpoint::Identify, Fault::Html { status: 502 }));
    test_env.put("m.yaml", (0..9).map(of_one_video).collect()).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.store.count(&[State::Succeeded]).await.unwrap(), 9);
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 1);
}

#[tokio::test]
async fn local_videos_of_one_content_at_one_address_share_a_session() {
    let test_env = TestEnv::new(quick()).await;
    test_env.clip("anna.mp4");
    let folder = &test_env.settings.locator.jobs_dir;
    fs::copy(folder.join("anna.mp4"), folder.join("copy.mp4")).unwrap();
    let of = |key: &str, video: &str| {
        let mut job = wanted(key);
        job.spec.video = Source::File(video.to_owned());
        test_env.measured(job)
    };
    test_env.put("m.yaml", vec![of("m/a", "anna.mp4"), of("m/b", "anna.mp4")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(2).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 1);
    // The web server has the copy at another address, by which Kling would show its tasks.
    test_env.put("copy.yaml", vec![of("copy/b", "copy.mp4")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(3).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 2);
    // Other content under a name that was known is another video.
    fs::remove_file(folder.join("copy.mp4")).unwrap();
    test_env.clip("bruno.mp4");
    fs::rename(folder.join("bruno.mp4"), folder.join("copy.mp4")).unwrap();
    test_env.put("n.yaml", vec![of("n/c", "copy.mp4")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(4).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 3);
}
