//! `lipsyncd list` and `lipsyncd show`.

use std::process::Stdio;

use super::*;

#[tokio::test]
async fn list_has_one_line_per_job() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let ran = env.run(&["list"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 7, "{}", ran.out);
    assert_eq!(lines[0], "STATE       SINCE (UTC)          JOB               UNITS  REASON");
    let line = |name: &str| *lines.iter().find(|line| line.contains(name)).unwrap();
    assert!(line("promo/waiting").contains("audio/it.mp3, which is not there"));
    assert!(line("promo/failed").contains("no face speaks"));
    let succeeded = "succeeded   2026-03-01 12:00:07  promo/succeeded    1.05";
    assert_eq!(line("promo/succeeded"), succeeded, "the output is named by the key");
}

#[tokio::test]
async fn list_and_history_name_the_job_whose_task_is_shared() {
    let (env, store) = CommandEnv::with_jobs().await;
    let same = |key: &str| WantedJob { request_hash: Some("same".to_owned()), ..wanted(key) };
    accept(&store, manifest("s.yaml", vec![same("s/a"), same("s/b"), wanted("s/c")])).await;
    let edited = WantedJob { spec_hash: "edited".to_owned(), ..same("s/c") };
    accept(&store, manifest("s.yaml", vec![same("s/a"), same("s/b"), edited])).await;
    let list = env.run(&["list"]).out;
    assert_eq!(list.matches("  shares the task of s/a\n").count(), 2, "{list}");
    let history = |key: &str| env.run(&["show", key]).out;
    let (a, b, c) = (history("s/a"), history("s/b"), history("s/c"));
    assert!(a.contains("its media are complete\n"), "{a}");
    assert!(b.contains("  reason        shares the task of s/a\n"), "{b}");
    assert!(b.contains("its media are complete; shares the task of s/a\n"), "{b}");
    assert!(c.contains("its manifest changed; shares the task of s/a\n"), "{c}");
}

#[tokio::test]
async fn list_filters_by_states_and_manifest() {
    let (env, store) = CommandEnv::with_jobs().await;
    accept(&store, manifest("other.yaml", vec![wanted("other")])).await;
    let keys = |arguments: &[&str]| -> Vec<String> {
        let ran = env.run(&[&["list", "--json"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let json = ran.json();
        json.as_array().unwrap().iter().map(|job| job["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(&["--state", "queued"]), ["promo/queued", "other"]);
    assert_eq!(
        keys(&["--state", "failed", "--state", "queued", "--manifest", "promo.yaml"]),
        ["promo/queued", "promo/failed"]
    );
    assert_eq!(keys(&["--manifest", "other.yaml"]), ["other"]);
    assert_eq!(keys(&["--state", "cancelled"]), [""; 0]);
    assert_eq!(keys(&[]).len(), 7);
    let empty = env.run(&["list", "--state", "cancelled"]);
    assert_eq!((empty.code, empty.out.as_str(), empty.err.as_str()), (0, "", "no jobs\n"));
}

#[tokio::test]
async fn list_as_json_has_the_columns_of_the_view() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let json = env.run(&["list", "--json", "--state", "succeeded"]).json();
    let job = json[0].as_object().unwrap();
    let columns = "key manifest state state_since waiting_for video audio labels attempt task_id \
                   external_task_id shares_task_with units money output watermark_missing verdict verdict_note error_code error request_id \
                   changed_after_sent dismissed priority created_at updated_at finished_at";
    for column in columns.split_whitespace() {
        assert!(job.contains_key(column), "{column}");
    }
    assert_eq!(job["task_id"], "task-succeeded");
    assert_eq!(job["units"], 1.05);
    assert_eq!((&job["labels"], &job["attempt"]), (&"language=en".into(), &1.into()));
    assert_eq!(job["request_id"], "request-of-query");
    assert_eq!(job["finished_at"], "2026-03-01T12:00:07.050Z");
}

#[tokio::test]
async fn an_unknown_state_or_manifest_suggests_known_ones() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let ran = env.run(&["list", "--state", "faild"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("did you mean `failed`?"), "{}", ran.err);
    assert!(ran.err.contains("waiting, queued, identified, creating"), "{}", ran.err);
    let ran = env.run(&["list", "--manifest", "promo.yml"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("did you mean `promo.yaml`?"), "{}", ran.err);
}

#[tokio::test]
async fn a_long_list_is_complete_and_a_closed_pipe_ends_it_quietly() {
    let env = CommandEnv::new();
    let store = env.store();
    let jobs = (0..2_500).map(|number| wanted(&format!("many/{number}"))).collect();
    accept(&store, manifest("many.yaml", jobs)).await;
    let ran = env.run(&["list", "--json"]);
    let json = ran.json();
    let jobs = json.as_array().unwrap();
    assert_eq!(jobs.len(), 2_500);
    assert_eq!(jobs[2_499]["key"], "many/2499");
    assert_eq!(env.run(&["list"]).out.lines().count(), 2_501);

    let mut child =
        env.command(&["list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[tokio::test]
async fn show_prints_everything_about_a_job() {
    let (env, _store) = CommandEnv::with_jobs().await;
    env.put_result("promo/succeeded.mp4");
    let ran = env.run(&["show", "promo/succeeded"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for said in [
        "promo/succeeded  succeeded\n",
        "task-succeeded",
        "lipsyncd-promo-succeeded (external_task_id)",
        "1.05 units",
        "https://cdn.example.com/v.mp4",
        "face 7, audio from 0s to 5s, inserted at 0s",
        "result        1.5 MiB, 10s\n  sha256        abab",
        "language: en",
        "2026-03-01 12:00:07.050  submitted",
        "identify: HTTP 200, code 0, 0.05 units, request_id request-of-identify",
        "create: HTTP 200, code 0, request_id request-of-create",
    ] {
        assert!(ran.out.contains(said), "{said}\n{}", ran.out);
    }
    assert!(!ran.out.contains("Next:"), "{}", ran.out);
    let next = |job: &str| {
        let out = env.run(&["show", job]).out;
        out.lines().find_map(|line| line.strip_prefix("Next: ")).unwrap().to_owned()
    };
    assert_eq!(next("promo/failed"), "lipsyncd retry promo/failed");
}

#[tokio::test]
async fn show_suggests_fetch_for_a_missing_file() {
    let (env, store) = CommandEnv::with_jobs().await;
    let shown = env.run(&["show", "promo/succeeded"]).out;
    let fetch = "`lipsyncd fetch promo/succeeded` restores it";
    assert!(shown.contains("the file is missing; ") && shown.contains(fetch), "{shown}");
    assert!(shown.contains("\nNext: lipsyncd fetch promo/succeeded\n"), "{shown}");
    let json = || env.run(&["show", "promo/succeeded", "--json"]).json();
    assert_eq!(json()["file"], "absent");
    assert_eq!(json()["next"], "lipsyncd fetch promo/succeeded");
    env.put_result("promo/succeeded.mp4");
    assert_eq!((&json()["file"], &json()["next"]), (&"delivered".into(), &().into()));
    let queued = env.run(&["show", "promo/queued", "--json"]).json();
    assert!(queued["file"].is_null(), "{queued}");
    fs::write(env.folder.path().join("output/promo/succeeded.mp4"), "edited").unwrap();
    assert_eq!((&json()["file"], &json()["next"]), (&"changed".into(), &().into()));
    edit(&store, "promo/succeeded").await;
    assert_eq!(json()["next"], "lipsyncd retry promo/succeeded");
}

#[tokio::test]
async fn show_as_json_has_the_history() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let json = env.run(&["show", "promo/succeeded", "--json"]).json();
    assert_eq!(json["state"], "succeeded");
    assert_eq!(json["labels"]["language"], "en");
    assert_eq!(json["wish"]["video"]["url"], "https://cdn.example.com/v.mp4");
    assert_eq!(json["used"]["face_id"], "7");
    assert_eq!(json["result"]["bytes"], 1_572_864);
    let states: Vec<_> =
        json["history"].as_array().unwrap().iter().map(|line| line["to_state"].clone()).collect();
    assert_eq!(
        states,
        ["queued", "identified", "creating", "submitted", "processing", "downloading", "succeeded"]
    );
    assert_eq!(json["history"][1]["request_id"], "request-of-identify");
}

#[tokio::test]
async fn show_says_that_old_history_is_no_longer_kept() {
    let (env, store) = CommandEnv::with_jobs().await;
    let show = || env.run(&["show", "promo/succeeded"]).out;
    let json = || env.run(&["show", "promo/succeeded", "--json"]).json();
    assert!(!show().contains("no longer kept"), "{}", show());
    assert_eq!(json()["history_is_whole"], true);
    while store.delete_old(i64::MAX, i64::MAX, 500).await.unwrap() {}
    assert!(show().contains("History (UTC)\n  entries older than"), "{}", show());
    assert!(show().contains("result"), "{}", show());
    assert_eq!(json()["history_is_whole"], false);
    assert_eq!(json()["history"], serde_json::json!([]));
}

#[tokio::test]
async fn an_unknown_job_suggests_similar_keys() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let ran = env.run(&["show", "promo/faild"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("error: no job is called `promo/faild`\nhint: did you mean "));
    assert!(ran.err.contains("`promo/failed`"), "{}", ran.err);
}

#[tokio::test]
async fn text_from_manifests_cannot_control_the_terminal() {
    let env = CommandEnv::new();
    let store = env.store();
    let evil = "\u{1b}]0;pwned\u{7}\u{9b}31m";
    let mut job = wanted("evil");
    job.spec.labels = [(format!("name{evil}"), format!("value{evil}\nline"))].into();
    job.spec.video = Source::Url(format!("https://example.com/{evil}"));
    job.media = Ok(Media { wait_reason: Some(format!("file {evil}")), ..Media::default() });
    let mut failed = wanted("failed");
    failed.media = Err(PermanentError { code: evil.to_owned(), message: format!("error {evil}") });
    accept(&store, manifest("evil.yaml", vec![job, failed])).await;
    store.refuse("bad\u{1b}.yaml", "stamp", evil, MOMENT, POLICY).await.unwrap();
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["show", "evil"],
        &["show", "evil", "--json"],
        &["show", "failed"],
        &["show", "\u{1b}[2J"],
        &["status"],
        &["retry", "evil", "\u{1b}[2J"],
        &["cancel", "failed"],
    ] {
        let ran = env.run(arguments);
        let obeyed = |character: char| character.is_control() && character != '\n';
        assert!(!ran.out.contains(obeyed) && !ran.err.contains(obeyed), "{arguments:?}: {ran:?}");
    }
    assert!(env.run(&["show", "evil"]).out.contains("file \\u{1b}]0;pwned\\u{7}\\u{9b}31m"));
}

#[tokio::test]
async fn show_of_unusable_media_says_to_replace_the_file() {
    let (env, store) = CommandEnv::with_jobs().await;
    let mut unfit = wanted("badm");
    unfit.spec.audio = Source::File("audio/bad.mp3".to_owned());
    let message = "audio audio/bad.mp3 is cut short".to_owned();
    unfit.media = Err(PermanentError { code: "audio_damaged".to_owned(), message });
    unfit.request_hash = None;
    accept(&store, manifest("badm.yaml", vec![unfit])).await;
    let shown = env.run(&["show", "badm"]).out;
    let next = "\nNext: replace audio/bad.mp3; it is checked again automatically\n";
    assert!(shown.ends_with(next), "{shown}");
    assert!(env.run(&["show", "badm", "--json"]).json()["next"].is_null());
    assert!(env.run(&["show", "promo/failed"]).out.contains("Next: lipsyncd retry promo/failed"));
}
