//! Local media that are absent, misnamed or incomplete, and manifests that no longer fit.

use crate::support::daemon::{TestEnv, clip, job_of, quick, slow};

/// A job with this local audio file.
fn with_audio(name: &str, audio: &str) -> String {
    format!("video: https://cdn.example.com/{name}.mp4?duration_ms=9000\naudio: '{audio}'\n")
}

fn says(env: &TestEnv, key: &str, words: &str) -> String {
    env.until(&format!("{key} to wait for {words:?}"), |env| {
        env.job(key).is_some_and(|job| job.waiting_for.contains(words))
    });
    env.job(key).unwrap().waiting_for
}

#[test]
fn names_that_are_not_of_a_file() {
    let mut env = TestEnv::new(quick());
    env.drop_in_old("there.mp3", clip("welcome-en.mp3"));
    env.start();
    for (at, (audio, words)) in [
        ("nothing.mp3", ""),
        ("There.MP3", "; did you mean `there.mp3`?"),
        ("a\u{200b}b.mp3", "; the name contains an invisible character (U+200B)"),
        (
            r"C:\audio\en.mp3",
            "; this is a path of Windows: write it relative to the manifest or to media.dirs, with `/`",
        ),
        ("~/en.mp3", "; `~` is not replaced by a home folder: write the complete path"),
        ("$HOME/en.mp3", "; `$HOME` is not replaced by a value: write the complete path"),
        (r"audio\en.mp3", "; the separator of folders is `/`: write `audio/en.mp3`"),
        ("cdn.example.com/a.mp3", "; if it is a URL, write `https://cdn.example.com/a.mp3`"),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("j{at}");
        env.drop_in(&format!("{key}.yaml"), with_audio(&key, audio));
        let reason = says(&env, &key, "there is no audio file `");
        assert!(reason.contains("` (looked in ") && reason.ends_with(words), "{reason}");
        // The hint is right: with the file, or another name, the job starts.
        env.drop_in(&format!("{key}.yaml"), with_audio(&key, "there.mp3"));
        env.until_state(&key, "succeeded");
    }
}

#[test]
fn files_that_grow() {
    let mut env = TestEnv::new(quick());
    env.start();
    let mp3 = clip("welcome-en.mp3");
    // With a header that says how many frames there are, and not how many bytes.
    let mut frames = mp3.clone();
    let header = frames.windows(4).position(|at| at == b"Info" || at == b"Xing").unwrap();
    frames[header + 7] &= !2;
    let adts = clip("plain.aac");
    // Its first box ends there.
    let m4a = clip("welcome-pt.m4a");
    for (name, whole, bytes, words) in [
        ("one.mp3", &mp3, 1, " is still being written (it has 1 byte)"),
        ("few.mp3", &mp3, 3, " is still being written (it has 3 bytes)"),
        ("frames.mp3", &frames, frames.len() / 2, " frames)"),
        ("part.m4a", &m4a, usize::from(m4a[3]), " is still being written (it has no "),
        ("frame.aac", &adts, adts.len() - 5, " is still being written (its last frame is cut off)"),
    ] {
        let key = name.split_once('.').unwrap().0;
        env.drop_in(name, &whole[..bytes]);
        env.drop_in(&format!("{key}.yaml"), with_audio(key, name));
        says(&env, key, words);
        assert_eq!(env.state(key), "waiting");
        env.drop_in(name, whole);
        env.until_state(key, "succeeded");
    }
}

#[test]
fn manifests_that_no_longer_fit() {
    let mut env = TestEnv::new(slow());
    env.start();
    assert_eq!(env.run(&["pause"]).code, Some(0));
    let audio = "defaults: { audio: \"https://cdn.example.com/a.mp3?duration_ms=5000\", sound_end_time: 4s }\n";
    let video = |id: &str| {
        format!(
            "  - {{ id: {id}, video: \"https://cdn.example.com/{id}.mp4?duration_ms=9000\" }}\n"
        )
    };
    let batch = format!("{audio}jobs:\n{}", video("a"));
    env.drop_in("both.yaml", format!("{batch}{}", video("b")));
    env.until_state("both/b", "queued");
    // So long that the job does not leave before it is seen.
    env.change_config("rescan_interval: 500ms", "rescan_interval: 1h");
    env.signal("HUP");
    env.until("the reload", |env| env.log().contains("reloading: restarting"));
    env.drop_in("both.yaml", &batch);
    says(&env, "both/b", "missing from the folder: its manifest no longer asks for it");
    env.drop_in("both.yaml", format!("{batch}{}", video("b")));
    says(&env, "both/b", "the queue is paused: ");

    let same = |name: &str, key: &str| format!("{}{key}: same\n", job_of(name));
    env.drop_in("c.yaml", same("c", "external_task_id"));
    env.drop_in("d.yaml", same("d", "output").replace("same", "same.mp4"));
    env.drop_in("x.yaml", job_of("x"));
    for key in ["c", "d", "x"] {
        env.until_state(key, "queued");
    }
    env.drop_in("x.yaml", same("x", "external_task_id"));
    let words =
        "external_task_id same was already used by job c for another request; choose another name";
    let reason = says(&env, "x", words);
    assert!(reason.starts_with("its manifest has errors: x.yaml"), "{reason}");
    env.drop_in("x.yaml", same("x", "output").replace("same", "same.mp4"));
    let words = "output same.mp4 already belongs to job d, which makes another request; choose another `output`";
    says(&env, "x", words);
    env.drop_in("x.yaml", job_of("x"));
    says(&env, "x", "the queue is paused: ");
    assert_eq!(env.run(&["resume"]).code, Some(0));
    env.until("all jobs to succeed", |env| {
        env.finish_tasks();
        env.states().iter().all(|(_, state)| state == "succeeded")
    });
}

/// A manifest that changed while no daemon ran, and has not settled yet.
#[test]
fn manifest_that_was_not_read_since_the_start() {
    let mut env = TestEnv::new(slow());
    env.start();
    assert_eq!(env.run(&["pause"]).code, Some(0));
    env.drop_in("x.yaml", job_of("x"));
    env.until_state("x", "queued");
    env.kill();
    env.change_config(" settle: 150ms", " settle: 1h");
    env.drop_in("x.yaml", job_of("x") + "sound_volume: 2\n");
    env.start();
    says(&env, "x", "its manifest has not been read since the start");
    env.change_config(" settle: 1h", " settle: 150ms");
    env.signal("HUP");
    says(&env, "x", "the queue is paused: ");
}
