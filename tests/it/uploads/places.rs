//! A video whose upload waits for others: the job, `status` and the metrics say so.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
};

use super::{
    KEYS, be_patient, configure, env_with, job,
    proxy::{Mode, Proxy},
    put_video,
    server::{bucket_name, s3},
    video, waiting_for,
};
use crate::support::daemon::TestEnv;

fn metrics(env: &TestEnv) -> String {
    let log = env.log();
    let (_, after) = log.rsplit_once("metrics at http://").unwrap();
    let address = after.split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_job_says_that_its_video_waits_for_an_upload_place() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("places");
    s3.create(&bucket);
    let more = "metrics: { listen: 127.0.0.1:0 }\n";
    let mut env = env_with(&s3.endpoint, &bucket, more);
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::HangAfter(1_000_000));
    configure(&env, &proxy.endpoint, &bucket, more);
    be_patient(&env);
    for (nth, name) in ["a", "b", "c"].into_iter().enumerate() {
        put_video(&env, &format!("{name}.mp4"), &video(&format!("places {name}"), 20_000_000));
        let manifest = format!("{}priority: {}\n", job(&format!("{name}.mp4"), "en"), 3 - nth);
        env.drop_in_old(&format!("{name}.yaml"), manifest);
    }
    env.start_with(&KEYS);
    let waits =
        "its video waits for an upload place (2 of 2 uploads in progress, upload.concurrency)";
    env.until("the reason", |env| waiting_for(env, "c") == waits);
    for key in ["a", "b"] {
        env.until("the progress", |env| waiting_for(env, key).starts_with("uploading ("));
    }
    let status = env.run(&["status"]).out;
    assert!(status.contains("uploads    2 in progress ("), "{status}");
    let text = metrics(&env);
    assert!(text.contains("\nlipsyncd_uploads_running 2"), "{text}");
    let mut watch = env.command(&["status", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(watch.stdout.take().unwrap()).read_line(&mut line).unwrap();
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert!(line.contains(", uploads 2 in progress (") && line.contains(" of 40 MB)"), "{line}");
    env.kill();
    proxy.set(Mode::Forward);
    env.start_with(&KEYS);
    for key in ["a", "b", "c"] {
        env.until_state(key, "succeeded");
    }
    let text = metrics(&env);
    for value in [
        "uploads_running 0",
        "uploads_finished_total{result=\"sent\"} 3",
        "upload_bytes_total 60000000",
    ] {
        assert!(text.contains(&format!("\nlipsyncd_{value}")), "{value}: {text}");
    }
}

/// The bucket has the video, so its job waits for nothing of uploads.
#[test]
fn a_job_whose_video_is_stored_does_not_wait_for_a_place() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("stored");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::Forward);
    configure(&env, &proxy.endpoint, &bucket, "");
    be_patient(&env);
    put_video(&env, "stored.mp4", &video("stored", 200_000));
    env.start_with(&KEYS);
    assert_eq!(env.run(&["pause"]).code, Some(0));
    env.drop_in_old("stored.yaml", job("stored.mp4", "en"));
    env.until("the upload", |env| env.log().contains("video stored.mp4 uploaded"));
    proxy.set(Mode::HangAfter(100_000));
    for name in ["a", "b"] {
        put_video(&env, &format!("{name}.mp4"), &video(&format!("stored {name}"), 5_000_000));
        env.drop_in_old(&format!("{name}.yaml"), job(&format!("{name}.mp4"), "en"));
    }
    env.until("both uploads", |_| proxy.hung() == 2);
    assert!(waiting_for(&env, "stored").starts_with("the queue is paused"));
    assert_eq!(env.run(&["resume"]).code, Some(0));
    env.until_state("stored", "succeeded");
}
