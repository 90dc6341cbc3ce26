//! Jobs that ask for the same request and take share one task: it is paid once, and each job gets a file.

use std::{fs, os::unix::fs::MetadataExt as _, time::Duration};

use lipsyncd::{
    job::{Source, State},
    pipeline::End,
    sim::{Endpoint, SimConfig},
    store::{Command, WantedJob},
};

use crate::support::{TestEnv, quick, wanted, with};

/// A job of that key; all of them ask for one request.
fn same(key: &str) -> WantedJob {
    with(key, |spec| {
        spec.video = Source::Url("https://cdn.example/one.mp4?duration_ms=10000&faces=1".into());
        spec.audio = Source::Url("https://cdn.example/one.mp3?duration_ms=8000".into());
    })
}

/// A test environment whose one slot is in use until [`free_slot`], with these jobs identified behind it.
async fn behind_a_full_slot(
    test_env: &mut TestEnv,
    jobs: Vec<WantedJob>,
) -> crate::support::Running {
    test_env.settings.slots = 1;
    test_env.put("busy.yaml", vec![wanted("busy")]).await;
    let running = test_env.start().await;
    test_env.until("the slot to be used", async || test_env.ledger().tasks.len() == 1).await;
    let last = jobs.last().unwrap().spec.key.clone();
    test_env.put("m.yaml", jobs).await;
    running.nudge();
    test_env.until_state(&last, State::Identified).await;
    running
}

fn free_slot(test_env: &TestEnv) {
    test_env.sim.control(|sim| sim.config_mut().task_ms = (50, 50));
    test_env.sim.advance(Duration::from_secs(601));
}

fn slow() -> SimConfig {
    SimConfig { task_ms: (600_000, 600_000), ..quick() }
}

#[tokio::test]
async fn shared_task_is_paid_once_and_copied() {
    let test_env = TestEnv::new(quick()).await;
    test_env.put("m.yaml", vec![same("m/a"), same("m/b")]).await;
    test_env.put("n.yaml", vec![same("n/c")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(3, 1).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Download), 1, "the others are copies");
    let inode = |path: &str| fs::metadata(test_env.output(path)).unwrap().ino();
    let inodes = ["m/a.mp4", "m/b.mp4", "n/c.mp4"].map(inode);
    assert!(inodes[0] != inodes[1] && inodes[0] != inodes[2] && inodes[1] != inodes[2]);
    // Each names the job that it is for.
    for key in ["m/a", "m/b", "n/c"] {
        let text = fs::read_to_string(test_env.output(&format!("{key}.json"))).unwrap();
        assert!(text.contains(&format!("\"job\": \"{key}\"")), "{text}");
    }
}

#[tokio::test]
async fn late_sharer_gets_a_copy_of_an_old_result() {
    let test_env = TestEnv::new(quick()).await;
    test_env.put("m.yaml", vec![same("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.put("n.yaml", vec![same("n/b")]).await;
    assert_eq!(test_env.state("n/b").await, State::Downloading);
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(2, 1).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 1);
}

#[tokio::test]
async fn watermarked_result_is_copied_with_its_mark() {
    let test_env = TestEnv::new(quick()).await;
    let marked = |key: &str| {
        with(key, |spec| {
            *spec = lipsyncd::job::JobSpec {
                key: spec.key.clone(),
                id: spec.id.clone(),
                output: spec.output.clone(),
                watermark: true,
                ..same("m/a").spec
            }
        })
    };
    test_env.put("m.yaml", vec![marked("m/a"), marked("m/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(2, 1).await;
    let bytes = |path: &str| fs::read(test_env.output(path)).unwrap();
    assert_eq!(bytes("m/a.watermark.mp4"), bytes("m/b.watermark.mp4"));
}

#[tokio::test]
async fn lead_that_leaves_before_creation_leaves_the_task_to_the_other() {
    let mut test_env = TestEnv::new(slow()).await;
    let running = behind_a_full_slot(&mut test_env, vec![same("m/a"), same("m/b")]).await;
    test_env.put("m.yaml", vec![same("m/b")]).await;
    running.nudge();
    free_slot(&test_env);
    test_env.until_state("m/b", State::Succeeded).await;
    running.stop().await;
    assert_eq!(test_env.ledger().tasks.len(), 2, "the one that is busy, and one for both");
    assert_eq!(test_env.state("m/a").await, State::Waiting);
    assert!(!test_env.output("m/a.mp4").exists());
    test_env.assert_file("m/b.mp4", &test_env.task("m/b").await);
}

#[tokio::test]
async fn cancel_before_creation_leaves_the_task_to_the_other() {
    let mut test_env = TestEnv::new(slow()).await;
    let running = behind_a_full_slot(&mut test_env, vec![same("m/a"), same("m/b")]).await;
    test_env.command("m/a", Command::Cancel).await;
    running.nudge();
    free_slot(&test_env);
    test_env.until_state("m/b", State::Succeeded).await;
    running.stop().await;
    assert_eq!(test_env.ledger().tasks.len(), 2);
    assert_eq!(test_env.state("m/a").await, State::Cancelled);
}

#[tokio::test]
async fn all_that_share_leave_before_creation_and_nothing_is_paid() {
    let mut test_env = TestEnv::new(slow()).await;
    let running = behind_a_full_slot(&mut test_env, vec![same("m/a"), same("m/b")]).await;
    let task = test_env.task("m/a").await.id;
    test_env.put("m.yaml", vec![]).await;
    running.nudge();
    free_slot(&test_env);
    test_env.until_state("busy", State::Succeeded).await;
    running.stop().await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().tasks.len(), 1);
    assert_eq!(test_env.store.task(task).await.unwrap().unwrap().state, State::Cancelled);
    // Back again, the same take is made, once.
    test_env.put("m.yaml", vec![same("m/a"), same("m/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(3, 2).await;
}

const CHANGED: &str = "audio a.mp3 changed after it was measured; it is checked again";

#[tokio::test]
async fn lead_whose_audio_changes_is_replaced_by_one_whose_audio_did_not() {
    let mut test_env = TestEnv::new(slow()).await;
    for name in ["a.mp3", "b.mp3"] {
        test_env.clip("welcome-en.mp3");
        let clip = test_env.settings.locator.jobs_dir.join("welcome-en.mp3");
        fs::rename(clip, test_env.settings.locator.jobs_dir.join(name)).unwrap();
    }
    let local = |key: &str, audio: &str| {
        let mut job = same(key);
        (job.spec.audio, job.spec.sound_end_ms) = (Source::File(audio.to_owned()), None);
        job
    };
    let jobs = [local("m/a", "a.mp3"), local("m/b", "b.mp3")].map(|job| test_env.measured(job));
    assert_eq!(jobs[0].request_hash, jobs[1].request_hash);
    let running = behind_a_full_slot(&mut test_env, jobs.to_vec()).await;
    assert_eq!(test_env.task("m/a").await.id, test_env.task("m/b").await.id);
    test_env.clip("welcome-fr.mp3");
    let other = test_env.settings.locator.jobs_dir.join("welcome-fr.mp3");
    fs::rename(other, test_env.settings.locator.jobs_dir.join("a.mp3")).unwrap();
    free_slot(&test_env);
    test_env.until_state("m/b", State::Succeeded).await;
    test_env.until_state("m/a", State::Waiting).await;
    assert_eq!(test_env.ledger().tasks.len(), 2, "the one that is busy, and that of b");
    assert!(test_env.waits_for("m/a").unwrap().contains(CHANGED));
    // Measured again, it asks for another request.
    test_env.put("m.yaml", vec![test_env.measured(local("m/a", "a.mp3")), jobs[1].clone()]).await;
    running.nudge();
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_shared(3, 3).await;
    assert_eq!(test_env.ledger().paid_twice.contents, []);
}

#[tokio::test]
async fn lead_that_leaves_after_creation_gives_the_result_to_the_other() {
    let mut test_env = TestEnv::new(slow()).await;
    test_env.settings.slots = 2;
    test_env.put("m.yaml", vec![same("m/a"), same("m/b")]).await;
    let running = test_env.start().await;
    test_env.until_state("m/b", State::Processing).await;
    test_env.put("m.yaml", vec![same("m/b")]).await;
    let (now_ms, policy) = (test_env.now_ms(), test_env.settings.policy.clone());
    test_env.store.orphan(now_ms, test_env.moment(), policy).await.unwrap();
    assert_eq!(test_env.state("m/a").await, State::Cancelled);
    running.nudge();
    free_slot(&test_env);
    test_env.until_state("m/b", State::Succeeded).await;
    running.stop().await;
    test_env.assert_file("m/b.mp4", &test_env.task("m/b").await);
    assert!(!test_env.output("m/a.mp4").exists());
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[tokio::test]
async fn one_output_for_two_jobs_of_one_task_is_one_file() {
    let test_env = TestEnv::new(quick()).await;
    let at_one_place = |key: &str| {
        let mut job = same(key);
        job.spec.output = "both.mp4".to_owned();
        crate::support::hashed(job.spec, Default::default())
    };
    test_env.put("m.yaml", vec![at_one_place("m/a"), at_one_place("m/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(2, 1).await;
    // One of them asks for another take: the other keeps the result that it has.
    test_env.command("m/a", Command::Retry).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(2, 2).await;
}
