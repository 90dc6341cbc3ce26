//! A bucket that no video can be sent to: all uploads are held with its words and the fix, no job fails, and all
//! continues automatically.

use super::{
    KEYS, assert_no_links, configure, env_with, has_uploads, job, objects_of,
    proxy::{Mode, Proxy},
    put_video,
    server::{ACCESS_KEY, S3, bucket_name, s3},
    video, waiting_for,
};
use crate::support::daemon::{TestEnv, job_of};

const JOBS: usize = 30;

/// More jobs with local videos than the scheduler keeps in memory, and one without behind them.
fn many(env: &TestEnv, name: &str) {
    for nth in 0..JOBS {
        put_video(env, &format!("{nth}.mp4"), &video(&format!("{name} {nth}"), 100_000));
        let manifest = format!("{}priority: 1\n", job(&format!("{nth}.mp4"), "en"));
        env.drop_in_old(&format!("local-{nth}.yaml"), manifest);
    }
    env.drop_in_old("url.yaml", job_of(name));
}

fn until_all_succeeded(env: &TestEnv, s3: &S3, bucket: &str) {
    for nth in 0..JOBS {
        env.until_state(&format!("local-{nth}"), "succeeded");
    }
    assert_eq!(s3.objects(bucket).len(), JOBS);
    assert_eq!(env.ledger().tasks.len(), JOBS + 1);
    let status = env.run(&["status"]).out;
    assert!(!has_uploads(&status), "{status}");
    assert_no_links(env);
}

#[test]
fn a_wrong_secret_holds_uploads_and_nothing_else() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("secret");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    many(&env, "secret");
    env.start_with(&[("S3_ACCESS_KEY", ACCESS_KEY), ("S3_SECRET_KEY", "a-wrong-secret-key")]);
    env.until_state("url", "succeeded");
    env.until("all local videos to be held", |env| {
        (0..JOBS)
            .all(|nth| waiting_for(env, &format!("local-{nth}")).starts_with("uploads are held: "))
    });
    // While the bucket is tried again, a video is being uploaded.
    env.until("the reason and what to do", |env| {
        let reason = waiting_for(env, "local-0");
        reason.contains("answers HTTP 403 SignatureDoesNotMatch")
            && reason.contains("; correct S3_ACCESS_KEY and S3_SECRET_KEY")
    });
    let status = env.run(&["status"]).out;
    assert!(
        status.contains("uploads    held: ") && status.contains("SignatureDoesNotMatch"),
        "{status}"
    );
    let doctor = env.run(&["doctor"]).out;
    assert!(doctor.contains("uploads are held since "), "{doctor}");
    assert!(doctor.contains("see upload above; the daemon tries again automatically"), "{doctor}");
    // The reason is logged once, however often the bucket is tried.
    env.until("several tries", |env| env.count_history("url", "1") > 0);
    assert_eq!(env.log().matches("uploads are held: ").count(), 1, "{}", env.log());
    let tries: i64 = env
        .database()
        .unwrap()
        .query_row("SELECT sum(tries) FROM task", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tries, 0);
    env.kill();
    env.start_with(&KEYS);
    until_all_succeeded(&env, s3, &bucket);
}

#[test]
fn a_missing_bucket_is_named_until_it_exists() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("missing");
    let mut env = env_with(&s3.endpoint, &bucket, "");
    many(&env, "missing");
    env.start_with(&KEYS);
    env.until_state("url", "succeeded");
    env.until("the reason", |env| {
        let reason = waiting_for(env, "local-7");
        reason.starts_with("uploads are held: ")
            && reason.contains("NoSuchBucket")
            && reason.ends_with("; create the bucket, or correct upload.s3.bucket")
    });
    s3.create(&bucket);
    until_all_succeeded(&env, s3, &bucket);
    assert!(env.log().contains("the bucket takes videos again"));
}

#[test]
fn a_full_bucket_is_waited_for() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("full");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::FailPuts(507, "XMinioStorageFull"));
    configure(&env, &proxy.endpoint, &bucket, "");
    let content = video("full", 200_000);
    put_video(&env, "v.mp4", &content);
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start_with(&KEYS);
    env.until("the reason", |env| {
        let reason = waiting_for(env, "en");
        reason.contains("HTTP 507 XMinioStorageFull")
            && reason.contains("; make room in the bucket")
    });
    proxy.set(Mode::Forward);
    env.until_state("en", "succeeded");
    objects_of(s3, &bucket, &[&content]);
}

#[test]
fn a_single_run_does_not_wait_for_a_bucket_that_refuses() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("single");
    let env = env_with(&s3.endpoint, &bucket, "");
    put_video(&env, "v.mp4", &video("single", 200_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    let mut command = env.command(&["run", "--once"]);
    let ended = command.envs(KEYS).output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(waiting_for(&env, "en").contains("NoSuchBucket"));
    s3.create(&bucket);
    let mut command = env.command(&["run", "--once"]);
    let ended = command.envs(KEYS).output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(env.state("en"), "succeeded");
}
