//! Uploads that fail or are killed begin again, and nothing is paid for.

use std::fs;

use super::{
    KEYS, assert_no_links, be_patient, configure, env_with, has_uploads, identified, job,
    objects_of,
    proxy::{Mode, Proxy},
    put_video,
    server::{bucket_name, s3},
    video, waiting_for,
};

#[test]
fn an_upload_that_is_killed_begins_again_and_pays_nothing() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("killed");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::HangAfter(4_000_000));
    configure(&env, &proxy.endpoint, &bucket, "");
    be_patient(&env);
    let content = video("killed", 20_000_000);
    put_video(&env, "v.mp4", &content);
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.drop_in_old("fr.yaml", job("v.mp4", "fr"));
    env.start_with(&KEYS);
    for key in ["en", "fr"] {
        env.until("the progress of the upload", |env| {
            let reason = waiting_for(env, key);
            let sent =
                reason.strip_prefix("uploading (").and_then(|rest| rest.strip_suffix(" of 20 MB)"));
            sent.is_some_and(|sent| sent.parse::<u32>().unwrap() >= 4)
        });
    }
    let status = env.run(&["status"]).out;
    assert!(status.contains("uploads    1 in progress ("), "{status}");
    assert!(status.contains(" of 20 MB)"), "{status}");
    env.kill();
    assert_eq!(s3.objects(&bucket), Vec::<String>::new());
    assert_eq!((identified(&env), env.ledger().tasks.len()), (0, 0));
    proxy.set(Mode::Forward);
    env.start_with(&KEYS);
    env.until_state("en", "succeeded");
    env.until_state("fr", "succeeded");
    objects_of(s3, &bucket, &[&content]);
    assert_eq!((identified(&env), env.ledger().tasks.len()), (1, 2));
    let status = env.run(&["status"]).out;
    assert!(!has_uploads(&status), "{status}");
}

#[test]
fn a_storage_that_fails_at_times_is_tried_again() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("at-times");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::FailPuts(500, "InternalError"));
    configure(&env, &proxy.endpoint, &bucket, "");
    for name in ["a", "b", "c", "d"] {
        put_video(&env, &format!("{name}.mp4"), &video(&format!("times {name}"), 300_000));
        env.drop_in_old(&format!("{name}.yaml"), job(&format!("{name}.mp4"), "en"));
    }
    env.start_with(&KEYS);
    env.until("the reason", |env| {
        let reason = waiting_for(env, "a");
        let says = "failed: the upload failed: bucket ";
        reason.starts_with("try ")
            && reason.contains(says)
            && reason.contains("answers HTTP 500 InternalError (as the test wants)")
    });
    proxy.set(Mode::FailEveryThirdPut(500, "InternalError"));
    for name in ["a", "b", "c", "d"] {
        env.until_state(name, "succeeded");
    }
    assert_eq!(env.ledger().tasks.len(), 4);
    assert_no_links(&env);
}

/// The storage takes requests and never answers, or stops in the middle of an upload.
#[test]
fn a_storage_that_hangs_is_tried_again() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("hangs");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::Silent);
    configure(&env, &proxy.endpoint, &bucket, "");
    env.change_config("request_timeout: 10s", "request_timeout: 1s");
    put_video(&env, "v.mp4", &video("hangs", 5_000_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start_with(&KEYS);
    for (mode, says) in [
        (Mode::Silent, "failed: no answer from 127.0.0.1 within 1s"),
        (Mode::HangAfter(300_000), "failed: 127.0.0.1 took nothing of the video for 1s"),
    ] {
        proxy.set(mode);
        env.until("the reason", |env| waiting_for(env, "en").contains(says));
    }
    proxy.set(Mode::Forward);
    env.until_state("en", "succeeded");
    assert_eq!(env.ledger().tasks.len(), 1);
}

/// The API quotes the link in its refusal: nothing that lipsyncd writes contains the signature.
#[test]
fn a_link_in_an_answer_of_the_api_is_not_repeated() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("quoted");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::RefuseDownloads);
    configure(&env, &proxy.endpoint, &bucket, "");
    put_video(&env, "v.mp4", &video("quoted", 300_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start_with(&KEYS);
    env.until_state("en", "failed");
    let error = env.job("en").unwrap().error;
    assert!(error.contains("video_url cannot be downloaded: HTTP 403: "), "{error}");
    assert!(error.contains(".mp4?[redacted]"), "{error}");
    assert_no_links(&env);
    // The video is still in the bucket, and the job can be retried.
    proxy.set(Mode::Forward);
    assert_eq!(env.run(&["retry", "en", "--yes"]).code, Some(0));
    env.until_state("en", "succeeded");
    assert_eq!((proxy.puts(), env.ledger().tasks.len()), (1, 1));
}

#[test]
fn a_video_that_changes_before_its_upload_is_measured_again() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("changes");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::FailPuts(503, "SlowDown"));
    configure(&env, &proxy.endpoint, &bucket, "");
    put_video(&env, "v.mp4", &video("before", 300_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start_with(&KEYS);
    env.until("a failed upload", |env| waiting_for(env, "en").contains("SlowDown"));
    let after = video("after", 400_000);
    fs::write(env.path("media/v.part"), &after).unwrap();
    fs::rename(env.path("media/v.part"), env.path("media/v.mp4")).unwrap();
    proxy.set(Mode::Forward);
    env.until_state("en", "succeeded");
    objects_of(s3, &bucket, &[&after]);
    assert_eq!(env.ledger().tasks.len(), 1);
}

/// Kling downloads so late that the link has expired: the job waits, and gets a new link.
#[test]
fn an_expired_link_is_signed_again() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("expired");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::DelayDownloads(3_000));
    configure(&env, &proxy.endpoint, &bucket, "");
    env.change_config("kling: { ", "kling: { session_ttl: 1s, ");
    env.change_config("upload: { ", "upload: { link_ttl: 1s, ");
    put_video(&env, "v.mp4", &video("expired", 200_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start_with(&KEYS);
    env.until("the reason", |env| {
        waiting_for(env, "en").contains(
            "the link to the video expired before Kling downloaded it: raise upload.link_ttl; answer to Identify Face: ",
        )
    });
    env.change_config("session_ttl: 1s, ", "");
    env.change_config("link_ttl: 1s, ", "");
    env.signal("HUP");
    env.until_state("en", "succeeded");
    assert_eq!(env.ledger().tasks.len(), 1);
    assert_no_links(&env);
}

#[test]
fn a_video_that_was_deleted_in_the_bucket_is_uploaded_again() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("deleted");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let content = video("deleted", 200_000);
    put_video(&env, "v.mp4", &content);
    env.start_with(&KEYS);
    assert_eq!(env.run(&["pause"]).code, Some(0));
    // Uploads are free: a pause does not stop them.
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.until("the upload", |env| env.log().contains("video v.mp4 uploaded"));
    objects_of(s3, &bucket, &[&content]);
    let object = s3.objects(&bucket).remove(0);
    s3.delete(&bucket, &object);
    assert_eq!(env.run(&["resume"]).code, Some(0));
    env.until_state("en", "succeeded");
    let why = "what LIKE '%the bucket does not have the video any more; it is uploaded again%'";
    assert_eq!(env.count_history("en", why), 1);
    objects_of(s3, &bucket, &[&content]);
    assert_eq!(env.ledger().tasks.len(), 1);
}
