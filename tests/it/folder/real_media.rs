//! Audio and video as people have them: measured rightly, sent byte for byte, and waited for while they are incomplete.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::Write as _,
    sync::{Mutex, PoisonError},
};

use lipsyncd::sim::{MediaReader, SimConfig};

use crate::{
    support::{
        daemon::{TestEnv, clip, quick},
        sha256,
    },
    testing::media::{LENGTH_TOLERANCE_MS, REAL_AUDIO},
};

const VIDEO: &str =
    "defaults: { video: \"https://cdn.example.com/v.mp4?duration_ms=15000\" }\njobs:\n";

/// The SHA-256 of every audio file that the simulator got inline.
static SENT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn record(bytes: &[u8]) -> Option<i64> {
    SENT.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256(bytes));
    (MediaReader::default().audio_ms)(bytes)
}

fn recording_env() -> TestEnv {
    let media_reader = MediaReader { audio_ms: record, ..MediaReader::default() };
    let test_env = TestEnv::new(SimConfig { media_reader, ..quick() });
    serve_media(&test_env);
    test_env
}

fn serve_media(test_env: &TestEnv) {
    let served = format!("{}/media/", test_env.sim.base_url());
    test_env.configure(5, &format!("media: {{ dirs: [media], public_base_url: \"{served}\" }}\n"));
}

/// The metadata of a result.
fn metadata(test_env: &TestEnv, key: &str) -> serde_json::Value {
    let text = fs::read_to_string(test_env.path(&format!("output/{key}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_audio_is_sent_to_its_true_end_and_byte_for_byte() {
    let mut test_env = recording_env();
    let mut manifest = VIDEO.to_owned();
    for (index, (name, ..)) in REAL_AUDIO.iter().enumerate() {
        test_env.drop_in_old(name, clip(name));
        manifest += &format!("  - {{ id: j{index}, audio: {name} }}\n");
    }
    test_env.drop_in("all.yaml", manifest);
    test_env.start();
    for (index, (name, from, to)) in REAL_AUDIO.iter().enumerate() {
        let key = format!("all/j{index}");
        test_env.until_state(&key, "succeeded");
        let end_ms = metadata(&test_env, &key)["timing"]["sound_end_ms"].as_i64().unwrap();
        let right = from - LENGTH_TOLERANCE_MS..=to + LENGTH_TOLERANCE_MS;
        assert!(right.contains(&end_ms), "{name}: {end_ms}");
        let sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(sent.contains(&sha256(&clip(name))), "{name} was changed before it was sent");
    }
    assert_eq!(test_env.ledger().tasks.len(), REAL_AUDIO.len());
}

#[test]
fn videos_of_unusual_shapes_and_with_hidden_tracks_are_used() {
    let mut test_env = recording_env();
    let names = ["preview-track-longer.mp4", "shape-1600x900.mp4", "shape-2048x858.mp4"];
    test_env.drop_in_old("en.mp3", clip("welcome-en.mp3"));
    let mut manifest = "defaults: { audio: en.mp3, sound_end_time: 2500 }\njobs:\n".to_owned();
    for (index, name) in names.into_iter().enumerate() {
        fs::write(test_env.path("media").join(name), clip(name)).unwrap();
        manifest += &format!("  - {{ id: v{index}, video: {name} }}\n");
    }
    test_env.drop_in("all.yaml", manifest);
    let checked = test_env.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    for (line, name) in [(4, names[1]), (5, names[2])] {
        let shape = &name[6..name.len() - 4];
        let warning = format!("all.yaml:{line}:22: warning: video {name}: it is {shape}; the API");
        assert!(checked.err.contains(&warning), "{checked:?}");
    }
    assert_eq!(checked.err.matches("warning: ").count(), 2, "{checked:?}");
    assert!(checked.err.contains("3 jobs, 0 errors, 2 warnings, 0 waiting"), "{checked:?}");
    test_env.start();
    for index in 0..names.len() {
        test_env.until_state(&format!("all/v{index}"), "succeeded");
    }
}

#[test]
fn incomplete_media_wait_and_are_used_when_they_are_complete() {
    let mut test_env = recording_env();
    let halves = ["welcome-es.wav", "rf64.wav", "welcome-de.mp3", "plain.aac", "welcome-pt.m4a"];
    let mut manifest = VIDEO.to_owned();
    for (index, name) in halves.into_iter().enumerate() {
        test_env.drop_in_old(name, &clip(name)[..clip(name).len() / 2]);
        manifest += &format!("  - {{ id: half{index}, audio: {name} }}\n");
    }
    test_env.drop_in_old("empty.mp3", "");
    manifest += "  - { id: empty, audio: empty.mp3 }\n";
    // Space is reserved for all of it.
    let reserved = clip("vbr-no-header.mp3");
    let mut zeros = reserved.clone();
    zeros[reserved.len() / 2..].fill(0);
    test_env.drop_in_old("reserved.mp3", zeros);
    manifest += "  - { id: reserved, audio: reserved.mp3 }\n";
    let anna = clip("anna.mp4");
    fs::write(test_env.path("media/anna.mp4"), &anna[..anna.len() / 2]).unwrap();
    manifest += "  - { id: video, video: anna.mp4, audio: welcome-en.mp3 }\n";
    test_env.drop_in_old("welcome-en.mp3", clip("welcome-en.mp3"));
    test_env.drop_in("all.yaml", manifest);
    test_env.start();

    let mut keys: Vec<String> = (0..halves.len()).map(|index| format!("all/half{index}")).collect();
    keys.extend(["empty", "reserved", "video"].map(|id| format!("all/{id}")));
    for key in &keys {
        test_env.until(&format!("{key} to wait for its file"), |test_env| {
            test_env.job(key).is_some_and(|job| {
                job.state == "waiting" && job.waiting_for.contains(" is still being written (")
            })
        });
    }
    let what = |key: &str| test_env.job(key).unwrap().waiting_for;
    assert_eq!(what("all/empty"), "audio empty.mp3 is still being written (it is empty)");
    assert_eq!(what("all/video"), "video anna.mp4 is still being written (39.1 of 78.2 kB)");
    let reason = "audio reserved.mp3 is still being written (its end is only zeros)";
    assert_eq!(what("all/reserved"), reason);
    assert!(test_env.ledger().tasks.is_empty(), "an incomplete file was sent");

    for name in halves {
        let path = test_env.path("jobs").join(name);
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(&clip(name)[clip(name).len() / 2..]).unwrap();
    }
    // In place, as `rsync --inplace` does.
    fs::write(test_env.path("jobs/empty.mp3"), clip("welcome-fr.mp3")).unwrap();
    fs::write(test_env.path("jobs/reserved.mp3"), &reserved).unwrap();
    fs::write(test_env.path("media/anna.mp4"), &anna).unwrap();
    for key in &keys {
        test_env.until_state(key, "succeeded");
    }
    assert_eq!(test_env.ledger().tasks.len(), keys.len());
    for name in halves.into_iter().chain(["welcome-fr.mp3", "vbr-no-header.mp3"]) {
        let sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(sent.contains(&sha256(&clip(name))), "{name} was not sent completely");
    }
}

#[test]
fn content_of_remote_audio_decides_its_format() {
    let mut test_env = TestEnv::new(quick());
    let folder = test_env.path("media/tts/v2.0");
    fs::create_dir_all(&folder).unwrap();
    let whole = clip("welcome-en.mp3");
    fs::write(folder.join("say"), &whole[..whole.len() / 2]).unwrap();
    let audio = format!("{}/media/tts/v2.0/say?voice=anna", test_env.sim.base_url());
    test_env.drop_in(
        "x.yaml",
        format!("video: https://cdn.example.com/v.mp4?duration_ms=9000\naudio: {audio}\n"),
    );
    test_env.start();
    let words = "cannot measure the audio at its URL yet: the audio is incomplete (6.6 of 13.2 kB)";
    test_env.until("the upload of the audio to be waited for", |test_env| {
        let waiting_for = test_env.job("x").map(|job| job.waiting_for);
        waiting_for.is_some_and(|it| it.contains(words))
    });
    fs::write(folder.join("say"), &whole).unwrap();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
    assert_eq!(metadata(&test_env, "x")["timing"]["sound_end_ms"], 4_261);
}
