//! A file is read after the daemon saw it unchanged for long enough, whatever the file's own times say.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use crate::support::daemon::{JOB, TestEnv, clip, job_of, quick};

const LOCAL: &str = "video: https://cdn.example.com/v.mp4?duration_ms=9000\naudio: en.mp3\n";
const MANIFESTS_SETTLE: &str = " settle: 150ms";
const MEDIA_SETTLE: &str = "media_settle: 150ms";

/// Times of servers whose clocks are wrong, and of programs that keep times.
fn other_times() -> [SystemTime; 3] {
    let now = SystemTime::now();
    let day = Duration::from_secs(86_400);
    [SystemTime::UNIX_EPOCH, now - day, now + day]
}

#[test]
fn new_manifest_settles_whatever_its_time_says() {
    let mut test_env = TestEnv::new(quick());
    test_env.change_config(MANIFESTS_SETTLE, " settle: 1h");
    test_env.drop_in_old("there.yaml", job_of("there"));
    test_env.start();
    test_env.until_state("there", "succeeded");
    for (n, time) in other_times().into_iter().enumerate() {
        test_env.drop_in_at(&format!("new-{n}.yaml"), JOB, time);
    }
    test_env.until_two_more_scans();
    // A reload is no start.
    test_env.change_config("rescan_interval: 500ms", "rescan_interval: 499ms");
    test_env.signal("HUP");
    test_env.until("the reload", |test_env| test_env.log().contains("reloading: restarting"));
    test_env.until_two_more_scans();
    assert_eq!(test_env.states(), [("there".to_owned(), "succeeded".to_owned())]);
    test_env.change_config(" settle: 1h", " settle: 100ms");
    test_env.signal("HUP");
    for n in 0..3 {
        test_env.until_state(&format!("new-{n}"), "succeeded");
    }
}

#[test]
fn new_audio_settles_whatever_its_time_says() {
    for time in other_times() {
        let mut test_env = TestEnv::new(quick());
        test_env.change_config(MEDIA_SETTLE, "media_settle: 1h");
        test_env.start();
        test_env.drop_in("x.yaml", LOCAL);
        test_env.until_state("x", "waiting");
        test_env.drop_in_at("en.mp3", clip("welcome-en.mp3"), time);
        test_env.until("the audio to be seen", |test_env| {
            test_env.job("x").unwrap().waiting_for.ends_with("is still being written")
        });
        test_env.until_two_more_scans();
        assert_eq!(test_env.state("x"), "waiting");
        test_env.change_config("media_settle: 1h", "media_settle: 100ms");
        test_env.signal("HUP");
        test_env.until_state("x", "succeeded");
    }
}

#[test]
fn start_does_not_wait_for_media_that_were_there() {
    let mut test_env = TestEnv::new(quick());
    test_env.change_config(MEDIA_SETTLE, "media_settle: 1h");
    test_env.drop_in_old("en.mp3", clip("welcome-en.mp3"));
    test_env.drop_in_old("old.yaml", LOCAL);
    // Written just now: it settles first.
    test_env.drop_in("fresh.yaml", LOCAL.replace("v.mp4", "w.mp4"));
    test_env.spawn_with(&["run", "--once"], &[]);
    assert_eq!(test_env.wait_until_ended().code(), Some(0), "{}", test_env.log());
    assert_eq!(test_env.ledger().tasks.len(), 2);
}

#[test]
fn edit_with_the_same_size_and_time_is_noticed() {
    let mut test_env = TestEnv::new(quick());
    let later = |day: u8| format!("{JOB}not_before: 2099-01-0{day}T00:00:00Z\n");
    test_env.drop_in_old("x.yaml", later(1));
    test_env.start();
    let path = test_env.path("jobs/x.yaml");
    let modified = path.metadata().unwrap().modified().unwrap();
    for (day, in_place) in [(2, true), (3, false)] {
        match in_place {
            true => std::fs::write(&path, later(day)).unwrap(),
            false => test_env.drop_in("x.yaml", later(day)),
        }
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        test_env.until("the edit to be read", |test_env| {
            test_env.job("x").unwrap().waiting_for.contains(&format!("2099-01-0{day}"))
        });
    }
}
