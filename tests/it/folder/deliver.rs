//! Jobs that are added are delivered, and shown by the commands.

use std::fs;

use crate::support::daemon::{JOB, TestEnv, assert_complete, clip, quick};

#[test]
fn a_manifest_that_is_dropped_in_becomes_a_result() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    test_env.drop_in("promo.yaml", JOB);
    let job = test_env.until_state("promo", "succeeded");
    assert_eq!((job.manifest.as_str(), job.output.as_str()), ("promo.yaml", "promo.mp4"));
    assert_eq!((job.attempt, job.waiting_for.as_str(), job.error.as_str()), (1, "", ""));
    test_env.assert_complete("promo.mp4");
    let metadata = fs::read_to_string(test_env.path("output/promo.json")).unwrap();
    assert!(metadata.contains("\"promo\""), "{metadata}");
    let counts = test_env.database().unwrap().query_row(
        "SELECT jobs, succeeded, failed FROM manifest_overview WHERE path = 'promo.yaml'",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    );
    assert_eq!(counts.unwrap(), (1, 1, 0));
    let steps: Vec<String> = test_env
        .database()
        .unwrap()
        .prepare("SELECT to_state FROM job_history WHERE key = 'promo'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(steps.first().map(String::as_str), Some("queued"));
    assert_eq!(steps.last().map(String::as_str), Some("succeeded"));
    let spent: (f64, i64) = test_env
        .database()
        .unwrap()
        .query_row("SELECT units, tasks FROM spend_by_day", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(spent, (2.05, 1));
}

#[test]
fn a_batch_with_local_audio_files_in_a_subfolder_is_delivered_below_its_name() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in("spring/audio/en.mp3", clip("welcome-en.mp3"));
    test_env.drop_in("spring/audio/es.wav", clip("welcome-es.wav"));
    test_env.drop_in("spring/audio/pt.m4a", clip("welcome-pt.m4a"));
    test_env.drop_in(
        "spring/anna.yml",
        "defaults: { video: \"https://cdn.example.com/v.mp4?duration_ms=9000\" }\n\
         jobs:\n\
         - { id: en, audio: audio/en.mp3, labels: { campaign: spring } }\n\
         - { id: es, audio: { file: audio/es.wav }, watermark: true }\n\
         - { id: pt, audio: audio/pt.m4a, output: lisbon/welcome.mp4 }\n",
    );
    test_env.start();
    for id in ["en", "es", "pt"] {
        test_env.until_state(&format!("spring/anna/{id}"), "succeeded");
    }
    test_env.until("the watermarked copy", TestEnv::has_all_watermarks);
    for output in [
        "spring/anna/en.mp4",
        "spring/anna/es.mp4",
        "spring/anna/es.watermark.mp4",
        "lisbon/welcome.mp4",
    ] {
        test_env.assert_complete(output);
    }
    let metadata = fs::read_to_string(test_env.path("output/spring/anna/en.json")).unwrap();
    assert!(metadata.contains("spring") && metadata.contains("campaign"), "{metadata}");
    assert_eq!(test_env.ledger().accepted(lipsyncd::sim::Endpoint::Identify), 1, "one video");
}

#[test]
fn a_local_video_is_served_under_its_public_address() {
    let mut test_env = TestEnv::new(quick());
    let more = format!(
        "media: {{ dirs: [media], public_base_url: \"{}/media/\" }}\n",
        test_env.sim.base_url()
    );
    test_env.configure(5, &more);
    fs::create_dir(test_env.path("media/a b")).unwrap();
    fs::write(test_env.path("media/a b/änna #1.mp4"), clip("anna.mp4")).unwrap();
    fs::write(test_env.path("media/en.mp3"), clip("welcome-en.mp3")).unwrap();
    test_env.drop_in("x.yaml", "video: \"a b/änna #1.mp4\"\naudio: en.mp3\n");
    test_env.start();
    test_env.until_state("x", "succeeded");
    test_env.assert_complete("x.mp4");
}

const NO_ADDRESS: &str = "video anna.mp4 is a local file, and Kling fetches videos by URL: set upload.s3, and lipsyncd uploads the video to your bucket, or media.serve or media.public_base_url, if you have a tunnel or a web server";

#[test]
fn a_local_video_without_a_public_address_waits_and_says_so() {
    let mut test_env = TestEnv::with(quick(), 5, "media: { dirs: [media] }\n");
    fs::write(test_env.path("media/anna.mp4"), clip("anna.mp4")).unwrap();
    test_env.drop_in("x.yaml", "video: anna.mp4\naudio: https://cdn.example.com/a.mp3\n");
    test_env.start();
    test_env.until("x to name what it waits for", |test_env| {
        test_env.job("x").is_some_and(|job| job.waiting_for == NO_ADDRESS)
    });
    assert_eq!(test_env.state("x"), "waiting");
    assert!(test_env.ledger().tasks.is_empty());
    let ran = test_env.run(&["check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("public_base_url"), "{ran:?}");
}

#[test]
fn the_example_manifest_has_no_errors() {
    let test_env = TestEnv::new(quick());
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/jobs.example.yaml");
    let ran = test_env.run(&["check", "--plan", example]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("jobs.example/pt"), "{ran:?}");
}

#[test]
fn a_check_of_overlapping_paths_reads_each_manifest_once() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("a/x.yaml", JOB);
    let ran = test_env.run(&["check", "jobs", "jobs/a", "jobs/a/x.yaml"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.starts_with("price: 1 task to pay: "), "{ran:?}");
    assert!(ran.err.contains("\n1 job, 0 errors"), "{ran:?}");
}

#[test]
fn the_demo_delivers() {
    let test_env = TestEnv::new(quick());
    let ran = test_env.run(&["demo", "--dir", "demo"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for output in
        ["anna/en", "anna/fr", "anna/de", "anna/es", "anna/es.watermark", "bruno/pt", "bruno/en"]
    {
        assert_complete(&test_env.path("demo/output").join(format!("{output}.mp4")));
    }
    assert!(!test_env.path("demo/output/anna/it.mp4").exists());
    let folder = test_env.path("demo").display().to_string();
    for line in ran.out.lines().filter(|line| !line.contains(&folder)) {
        assert!(line.chars().count() <= 100, "{line}");
    }
}
