//! Media that change after their job was queued: noticed before payment, and used as they are then.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use lipsyncd::sim::Endpoint;

use crate::support::daemon::{TestEnv, clip, quick};

/// Writes other content to the same file, with the same length and time.
fn replace_unseen(path: &Path) {
    let before = fs::metadata(path).unwrap();
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() * 2 / 3;
    bytes[at] ^= 1;
    fs::write(path, &bytes).unwrap();
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(before.modified().unwrap())
        .unwrap();
    let now = fs::metadata(path).unwrap();
    assert_eq!(
        (before.ino(), before.len(), before.mtime(), before.mtime_nsec()),
        (now.ino(), now.len(), now.mtime(), now.mtime_nsec())
    );
}

/// A job that is ready, in a paused queue.
fn held(video: &str) -> TestEnv {
    let mut test_env = TestEnv::new(quick());
    let served = format!("{}/media/", test_env.sim.base_url());
    test_env.configure(5, &format!("media: {{ dirs: [media], public_base_url: \"{served}\" }}\n"));
    fs::write(test_env.path("media/anna.mp4"), clip("anna.mp4")).unwrap();
    test_env.drop_in("en.mp3", clip("welcome-en.mp3"));
    test_env.start();
    assert_eq!(test_env.run(&["pause"]).code, Some(0));
    test_env.drop_in("x.yaml", format!("video: {video}\naudio: en.mp3\n"));
    test_env.until_state("x", "queued");
    test_env
}

fn history(test_env: &TestEnv, key: &str) -> Vec<String> {
    let database = test_env.database().unwrap();
    let mut all = database.prepare("SELECT what FROM job_history WHERE key = ?1").unwrap();
    all.query_map([key], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Checks that the media were there, were missing, and were there again before the create request was written.
fn assert_measured_twice(test_env: &TestEnv, key: &str) {
    let reported = history(test_env, key);
    let sent =
        reported.iter().position(|what| what.contains("sending the create request")).unwrap();
    let found = reported[..sent].iter().filter(|what| what.contains("its media are complete"));
    assert_eq!(found.count(), 2, "{reported:?}");
}

#[test]
fn audio_that_changed_is_measured_again_before_it_is_sent() {
    let test_env = held("https://cdn.example.com/v.mp4?duration_ms=9000");
    replace_unseen(&test_env.path("jobs/en.mp3"));
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until_state("x", "succeeded");
    assert_measured_twice(&test_env, "x");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn video_that_changed_is_measured_again_before_it_is_sent() {
    let test_env = held("anna.mp4");
    replace_unseen(&test_env.path("media/anna.mp4"));
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until_state("x", "succeeded");
    assert_measured_twice(&test_env, "x");
    assert_eq!(test_env.ledger().tasks.len(), 1);
    assert!(test_env.ledger().accepted(Endpoint::Identify) <= 2);
}

#[test]
fn a_job_names_the_removed_media_it_waits_for() {
    let test_env = held("anna.mp4");
    fs::rename(test_env.path("media/anna.mp4"), test_env.path("media/away")).unwrap();
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until("the video to be missed", |test_env| {
        let job = test_env.job("x").unwrap();
        job.state == "waiting" && job.waiting_for.contains("anna.mp4")
    });
    assert!(test_env.ledger().tasks.is_empty());
    fs::rename(test_env.path("media/away"), test_env.path("media/anna.mp4")).unwrap();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}
