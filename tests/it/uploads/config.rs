//! Where the keys come from, what `check` and `doctor` say, and that no web server is needed.

use std::fs;

use serde_json::Value;

use super::{
    KEYS, env_with, job, put_video,
    server::{
        ACCESS_KEY, SECRET_KEY, SMALLEST_ACCESS_KEY, SMALLEST_BUCKET, SMALLEST_SECRET_KEY,
        bucket_name, s3,
    },
    video,
};

#[test]
fn missing_keys_end_the_daemon_with_what_to_set() {
    let env = env_with("https://s3.example.com", "videos", "");
    let ran = env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for text in ["upload.s3 is set", "S3_ACCESS_KEY", "S3_SECRET_KEY"] {
        assert!(ran.err.contains(text), "{ran:?}");
    }
}

#[test]
fn check_needs_no_network_and_no_keys() {
    let env = env_with("https://s3.example.com", "videos", "");
    put_video(&env, "v.mp4", &video("check", 100_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    let ran = env.run(&["check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn keys_come_from_files_of_systemd() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("files");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    put_video(&env, "v.mp4", &video("files", 100_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    let folder = env.path("credentials");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("s3_access_key"), ACCESS_KEY).unwrap();
    // As `LoadCredential=kling:FOLDER` names it.
    fs::write(folder.join("kling_s3_secret_key"), format!("{SECRET_KEY}\n")).unwrap();
    env.start_with(&[("CREDENTIALS_DIRECTORY", folder.to_str().unwrap())]);
    env.until_state("en", "succeeded");
}

#[test]
fn reading_and_writing_objects_of_one_bucket_is_enough() {
    let Some(s3) = s3() else { return };
    s3.create(SMALLEST_BUCKET);
    let mut env = env_with(&s3.endpoint, SMALLEST_BUCKET, "");
    put_video(&env, "v.mp4", &video("smallest", 100_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    let keys = [("S3_ACCESS_KEY", SMALLEST_ACCESS_KEY), ("S3_SECRET_KEY", SMALLEST_SECRET_KEY)];
    let (status, message, _) = doctor(&env, &keys);
    assert_eq!(status, "ok", "{message}");
    env.start_with(&keys);
    env.until_state("en", "succeeded");
    env.kill();
    // Another bucket of the same storage is not for this key.
    let other = bucket_name("other-rights");
    s3.create(&other);
    super::configure(&env, &s3.endpoint, &other, "");
    let (status, message, fix) = doctor(&env, &keys);
    assert!(status == "error" && message.contains("AccessDenied"), "{message}");
    assert_eq!(fix, format!("allow this key s3:GetObject and s3:PutObject for {other}/lipsyncd/*"));
}

/// Status, message and fix of doctor's check.
fn doctor(
    env: &crate::support::daemon::TestEnv,
    keys: &[(&str, &str)],
) -> (String, String, String) {
    let mut command = env.command(&["doctor", "--json"]);
    let output = command.envs(keys.iter().copied()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "upload").unwrap();
    let text = |member: &str| check[member].as_str().unwrap_or_default().to_owned();
    (text("status"), text("message"), text("fix"))
}

#[test]
fn doctor_tries_the_bucket() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("doctor");
    let env = env_with(&s3.endpoint, &bucket, "");
    let (status, message, fix) = doctor(&env, &KEYS);
    assert_eq!(status, "error", "{message}");
    assert!(
        message.contains("NoSuchBucket") && fix.contains("create the bucket"),
        "{message}; {fix}"
    );
    let (status, message, _) = doctor(&env, &[]);
    assert_eq!(status, "error");
    assert!(message.contains("S3_ACCESS_KEY"), "{message}");
    s3.create(&bucket);
    let (status, message, _) = doctor(&env, &KEYS);
    assert_eq!(status, "ok", "{message}");
    assert!(message.contains("a probe was written, read by a link, and deleted"), "{message}");
    assert_eq!(s3.objects(&bucket), Vec::<String>::new());
    let (status, message, fix) = doctor(&env, &[KEYS[0], ("S3_SECRET_KEY", "a-wrong-secret-key")]);
    assert_eq!(
        (status.as_str(), fix.contains("S3_SECRET_KEY")),
        ("error", true),
        "{message}; {fix}"
    );
}
