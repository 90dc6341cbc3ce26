//! A job that failed for a local file is checked again when the file changes, as long as nothing was sent.

use std::{fs, time::SystemTime};

use crate::{
    support::daemon::{TestEnv, clip, quick},
    testing::media::wav,
};

const AUDIO: &str = "video: https://cdn.example.com/v.mp4?duration_ms=9000\naudio: s.FORMAT\n";
const VIDEO: &str = "video: v.mp4\naudio: https://cdn.example.com/a.mp3?duration_ms=5000\n\
                     sound_end_time: 2s\n";

/// Eight bits at 8 kHz.
fn wav_of(seconds: usize) -> Vec<u8> {
    wav(8_000, 8, &vec![7; seconds * 8_000])
}

fn first_half(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// An unusable file, the complete one that replaces it, and the manifest.
struct Case {
    what: &'static str,
    file: &'static str,
    bad: Vec<u8>,
    good: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let case = |what, file, bad, good| Case { what, file, bad, good };
    vec![
        case("a placeholder", "s.mp3", Vec::new(), clip("welcome-en.mp3")),
        case("half an M4A", "s.m4a", first_half(clip("welcome-pt.m4a")), clip("welcome-pt.m4a")),
        case("another format", "s.mp3", b"<html>not yet</html>".to_vec(), clip("welcome-en.mp3")),
        case("too long", "s.wav", wav_of(61), wav_of(4)),
        case("too short", "s.mp3", clip("too-short-it.mp3"), clip("welcome-en.mp3")),
        case("a video placeholder", "v.mp4", Vec::new(), clip("anna.mp4")),
        case("half a video", "v.mp4", first_half(clip("anna.mp4")), clip("anna.mp4")),
        case("no video", "v.mp4", clip("welcome-en.mp3"), clip("anna.mp4")),
    ]
}

impl Case {
    fn manifest(&self) -> String {
        match self.file.split_once('.').unwrap() {
            ("s", format) => AUDIO.replace("FORMAT", format),
            _ => VIDEO.to_owned(),
        }
    }

    /// Whether the job has failed, or waits for something else than the file to settle.
    fn is_found_bad(&self, test_env: &TestEnv) -> bool {
        test_env.job("x").is_some_and(|job| {
            let settles = job.waiting_for.ends_with("is still being written");
            job.state == "failed" || job.state == "waiting" && !settles
        })
    }
}

fn test_env() -> TestEnv {
    let test_env = TestEnv::new(quick());
    let served = format!("{}/media/", test_env.sim.base_url());
    test_env.configure(5, &format!("media: {{ public_base_url: \"{served}\" }}\n"));
    test_env
}

/// The simulated API serves the folder of media.
fn serve(test_env: &TestEnv, case: &Case) {
    fs::write(test_env.path("media").join(case.file), &case.good).unwrap();
}

#[test]
fn failed_file_is_checked_again_when_it_is_written_in_place() {
    for case in cases() {
        let mut test_env = test_env();
        serve(&test_env, &case);
        test_env.start();
        test_env.drop_in(case.file, &case.bad);
        test_env.drop_in("x.yaml", case.manifest());
        test_env.until(case.what, |test_env| case.is_found_bad(test_env));
        test_env.write_in_place(case.file, &case.good);
        test_env.until(case.what, |test_env| test_env.state("x") == "succeeded");
        assert_eq!(test_env.ledger().tasks.len(), 1, "{}", case.what);
    }
}

#[test]
fn failed_file_that_was_replaced_meanwhile_is_checked_again_after_a_restart() {
    for case in cases() {
        let mut test_env = test_env();
        serve(&test_env, &case);
        test_env.drop_in_old(case.file, &case.bad);
        test_env.drop_in_old("x.yaml", case.manifest());
        test_env.start();
        test_env.until(case.what, |test_env| case.is_found_bad(test_env));
        test_env.kill();
        test_env.write_in_place(case.file, &case.good);
        test_env.start();
        test_env.until(case.what, |test_env| test_env.state("x") == "succeeded");
        assert_eq!(test_env.ledger().tasks.len(), 1, "{}", case.what);
    }
}

#[test]
fn failed_file_is_checked_again_without_a_file_event() {
    let mut test_env = test_env();
    test_env.drop_in_old("s.mp3", clip("too-short-it.mp3"));
    test_env.drop_in_old("x.yaml", AUDIO.replace("FORMAT", "mp3"));
    // The system reports no change that is made under the file's other name.
    let elsewhere = test_env.path("s.mp3");
    fs::hard_link(test_env.path("jobs/s.mp3"), &elsewhere).unwrap();
    test_env.start();
    test_env.until_state("x", "failed");
    test_env.until_two_more_scans();
    fs::write(elsewhere, clip("welcome-en.mp3")).unwrap();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn audio_that_does_not_fit_the_video_is_checked_again_when_it_changes() {
    let mut test_env = test_env();
    test_env.start();
    test_env.drop_in("s.wav", wav_of(4));
    let manifest = AUDIO.replace("FORMAT", "wav") + "sound_start_time: 3s\n";
    test_env.drop_in("x.yaml", manifest);
    test_env.until_state("x", "failed");
    test_env.write_in_place("s.wav", wav_of(8));
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn failed_job_stays_failed_while_its_file_stays_the_same() {
    let mut test_env = test_env();
    // A file with a time of the future must settle after each start.
    let future = SystemTime::now() + std::time::Duration::from_secs(86_400);
    test_env.drop_in_at("s.mp3", clip("too-short-it.mp3"), future);
    test_env.drop_in_old("x.yaml", AUDIO.replace("FORMAT", "mp3"));
    test_env.start();
    test_env.until_state("x", "failed");
    let before = test_env.count_history("x", "TRUE");
    for turn in ["first", "second"] {
        test_env.kill();
        test_env.start();
        test_env.until_scanned_again(turn);
    }
    assert_eq!(
        (test_env.state("x").as_str(), test_env.count_history("x", "TRUE")),
        ("failed", before)
    );
}
