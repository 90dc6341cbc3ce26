//! Many jobs of every kind go through, and nothing is asked for in vain.

use std::collections::BTreeSet;

use lipsyncd::{
    job::{FaceChoice, Source},
    pipeline::End,
    sim::{Endpoint, SimConfig},
    store::WantedJob,
};

use crate::support::{TestEnv, quick, with};

/// Forty jobs in two manifests, of eight kinds.
fn mixed(test_env: &TestEnv) -> Vec<WantedJob> {
    for clip in ["anna.mp4", "welcome-en.mp3", "welcome-es.wav"] {
        test_env.clip(clip);
    }
    let two = "https://cdn.example/two.mp4?duration_ms=12000&faces=2&face_ms=0-5000,4000-12000";
    let jobs = (0..40).map(|n| {
        let job = with(&format!("batch{}/{n:02}", n % 2), |spec| match n % 8 {
            0 => {}
            1 => spec.audio = Source::Id("sim-audio-8000ms".into()),
            2 => spec.video = Source::Id("sim-video-1face-9000ms".into()),
            3 => {
                spec.video = Source::Url(two.into());
                spec.face = FaceChoice::Index(1);
                spec.watermark = true;
            }
            4 => {
                spec.video = Source::Url(two.into());
                spec.face =
                    if n % 16 == 4 { FaceChoice::Id("0".into()) } else { FaceChoice::First };
                (spec.sound_start_ms, spec.sound_insert_ms) = (500, Some(1_200));
            }
            // Its length is found out by fetching it.
            5 => {
                let audio = format!("{}/media/welcome-en.mp3", test_env.sim.base_url());
                (spec.audio, spec.sound_end_ms) = (Source::Url(audio), None);
            }
            6 => {
                spec.audio = Source::File("welcome-es.wav".into());
                spec.sound_end_ms = None;
            }
            _ => {
                spec.video = Source::File("anna.mp4".into());
                spec.audio = Source::File("welcome-en.mp3".into());
                spec.sound_end_ms = None;
            }
        });
        test_env.measured(job)
    });
    jobs.collect()
}

#[tokio::test]
async fn forty_jobs_of_every_kind_succeed_and_what_asks_for_the_same_is_paid_once() {
    let test_env = TestEnv::new(SimConfig { task_ms: (50, 150), ..quick() }).await;
    let (even, odd): (Vec<_>, Vec<_>) =
        mixed(&test_env).into_iter().partition(|job| job.spec.key.starts_with("batch0/"));
    test_env.put("batch0.yaml", even).await;
    test_env.put("batch1.yaml", odd).await;

    assert_eq!(test_env.run().await, End::Idle);

    // The five jobs of the last kind ask for one request.
    test_env.assert_all_shared(40, 36).await;
    let ledger = test_env.ledger();
    assert!(ledger.at_once_max <= 5, "{}", ledger.at_once_max);
    // Each name is asked for before its first create request, and is not known then.
    let refused: Vec<_> = ledger
        .calls
        .iter()
        .filter(|(call, count)| **call != Endpoint::Query && !count.refused.is_empty())
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    let videos: BTreeSet<_> = ledger.tasks.iter().map(|task| &task.video).collect();
    assert_eq!(ledger.accepted(Endpoint::Identify), videos.len() as u64);
    for n in (3..40).step_by(8) {
        assert!(test_env.output(&format!("batch1/{n:02}.watermark.mp4")).exists());
    }
    let units: f64 =
        test_env.tasks().await.iter().map(|job| job.cost.units_micro as f64 / 1e6).sum();
    let paid = (ledger.identify_units + ledger.task_units).thousandths() as f64 / 1e3;
    assert!((units - paid).abs() < 1e-6, "{units} in the database, {paid} at the API");
}
