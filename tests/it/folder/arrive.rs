//! The daemon waits for files that are still being written.

use std::{
    fs::{self, File},
    io::Write as _,
    thread::sleep,
    time::Duration,
};

use crate::support::daemon::{JOB, TestEnv, clip, job_of, quick};

/// Between two writes: far below the settle times of these tests, which all writes together exceed.
const LONG: Duration = Duration::from_millis(200);

#[test]
fn a_manifest_that_is_written_in_pieces_is_read_when_complete() {
    let mut test_env = TestEnv::new(quick());
    test_env.change_config(" settle: 150ms", " settle: 1s");
    test_env.start();
    let mut file = File::create(test_env.path("jobs/slow.yaml")).unwrap();
    // Each beginning is a valid manifest, which would start other jobs.
    writeln!(file, "defaults: {{ sound_end_time: 4s }}\njobs:").unwrap();
    for id in 0..8 {
        writeln!(file, "- id: j{id}\n  video: https://cdn.example.com/v.mp4?duration_ms=9000")
            .unwrap();
        file.flush().unwrap();
        sleep(LONG);
        writeln!(file, "  audio: https://cdn.example.com/a{id}.mp3?duration_ms=5000").unwrap();
    }
    drop(file);
    test_env.until_state("slow/j7", "succeeded");
    let readings = test_env.log().matches("slow.yaml: accepted").count();
    assert_eq!(readings, 1, "{}", test_env.log());
    assert!(!test_env.log().contains("refused"), "{}", test_env.log());
}

#[test]
fn a_job_names_the_missing_media_it_waits_for() {
    let mut test_env = TestEnv::new(quick());
    test_env.change_config("media_settle: 150ms", "media_settle: 1s");
    test_env.start();
    test_env.drop_in(
        "x.yaml",
        "video: https://cdn.example.com/v.mp4?duration_ms=9000\naudio: late/en.mp3\n",
    );
    let job = test_env.until_state("x", "waiting");
    assert!(job.waiting_for.contains("late/en.mp3"), "{job:?}");
    // The audio grows. Each beginning is a valid audio file.
    let audio = clip("welcome-en.mp3");
    fs::create_dir(test_env.path("jobs/late")).unwrap();
    let mut file = File::create(test_env.path("jobs/late/en.mp3")).unwrap();
    for piece in audio.chunks(audio.len() / 8 + 1) {
        file.write_all(piece).unwrap();
        sleep(LONG);
    }
    drop(file);
    test_env.until_state("x", "succeeded");
    let ledger = test_env.ledger();
    assert_eq!(ledger.tasks.len(), 1);
    // Sent completely: the crop is as long as the complete audio.
    let metadata = fs::read_to_string(test_env.path("output/x.json")).unwrap();
    let whole = lipsyncd::media::audio::measure(&audio).unwrap().length_ms;
    assert!(metadata.contains(&whole.to_string()), "{whole}: {metadata}");
}

#[test]
fn a_job_waits_for_its_time() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in("later.yaml", format!("{JOB}not_before: 2099-01-01T00:00:00Z\n"));
    test_env.drop_in("past.yaml", format!("{}not_before: 2020-01-01T00:00:00Z\n", job_of("past")));
    test_env.start();
    test_env.until_state("past", "succeeded");
    let job = test_env.until_state("later", "waiting");
    assert!(job.waiting_for.contains("2099-01-01"), "{job:?}");
}

#[test]
fn shared_task_starts_at_the_earliest_time() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in("later.yaml", format!("{JOB}not_before: 2099-01-01T00:00:00Z\n"));
    test_env.start();
    test_env.until_state("later", "waiting");
    test_env.drop_in("now.yaml", JOB);
    for key in ["now", "later"] {
        test_env.until_state(key, "succeeded");
        test_env.assert_complete(&format!("{key}.mp4"));
    }
    assert_eq!(test_env.ledger().tasks.len(), 1);
}
