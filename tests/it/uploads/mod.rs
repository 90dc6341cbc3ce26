//! Local videos in a bucket: a real S3 server, SeaweedFS, which checks signatures, and the simulator, which downloads by
//! the signed link.

mod bucket;
mod changing;
mod config;
mod failures;
mod first_job;
mod held;
mod hostile;
mod kills;
mod matched;
mod once;
mod places;
mod proxy;
mod reached;
mod serve;
mod server;
mod shared;

use std::{fs, path::Path, process::Command};

use lipsyncd::sim::{Endpoint, SimConfig};

use crate::support::{
    daemon::{TestEnv, clip, quick},
    sha256,
};
use server::{ACCESS_KEY, S3, SECRET_KEY};

/// The keys of the bucket, for the environment of the daemon.
const KEYS: [(&str, &str); 2] = [("S3_ACCESS_KEY", ACCESS_KEY), ("S3_SECRET_KEY", SECRET_KEY)];

/// A video of `bytes` bytes that no other test has.
fn video(name: &str, bytes: usize) -> Vec<u8> {
    let mut video = clip("anna.mp4");
    let free = bytes.saturating_sub(video.len()).max(8 + name.len());
    video.extend(u32::try_from(free).unwrap().to_be_bytes());
    video.extend(b"free");
    video.extend(name.bytes());
    video.resize(video.len() + free - 8 - name.len(), 7);
    video
}

/// Whether `status` has a line about uploads. Others may name them too.
fn has_uploads(status: &str) -> bool {
    status.lines().any(|line| line.starts_with("uploads "))
}

/// An environment that uploads to a bucket at `endpoint`.
fn env_with(endpoint: &str, bucket: &str, more: &str) -> TestEnv {
    let test_env = env_of(quick());
    configure(&test_env, endpoint, bucket, more);
    test_env
}

/// An environment with sounds and without a bucket.
fn env_of(config: SimConfig) -> TestEnv {
    let test_env = TestEnv::new(config);
    fs::write(test_env.path("media/en.mp3"), clip("welcome-en.mp3")).unwrap();
    fs::write(test_env.path("media/fr.mp3"), clip("welcome-fr.mp3")).unwrap();
    test_env
}

fn configure(test_env: &TestEnv, endpoint: &str, bucket: &str, more: &str) {
    test_env.configure(5, &format!("{}{more}", text_of(endpoint, bucket)));
}

/// Makes uploads that hang wait longer than any scenario.
fn be_patient(test_env: &TestEnv) {
    test_env.change_config(
        "create_settle: 11s, request_timeout: 10s",
        "create_settle: 11m, request_timeout: 10m",
    );
}

/// The part of the configuration that is about uploads.
fn text_of(endpoint: &str, bucket: &str) -> String {
    format!(
        "media: {{ dirs: [media] }}\npause: {{ probe_interval: 300ms }}\n\
         upload: {{ s3: {{ endpoint: \"{endpoint}\", bucket: {bucket} }} }}\n"
    )
}

fn put_video(test_env: &TestEnv, name: &str, content: &[u8]) {
    fs::write(test_env.path("media").join(name), content).unwrap();
}

/// Why a job waits; empty while it is not known.
fn waiting_for(env: &TestEnv, key: &str) -> String {
    env.job(key).map(|job| job.waiting_for).unwrap_or_default()
}

fn job(video: &str, audio: &str) -> String {
    format!("video: {video}\naudio: {audio}.mp3\n")
}

/// The path of each object in the bucket must be the prefix with a hash.
fn objects_of(s3: &S3, bucket: &str, videos: &[&[u8]]) {
    let mut expected: Vec<String> =
        videos.iter().map(|video| format!("lipsyncd/{}.mp4", sha256(video))).collect();
    expected.sort();
    assert_eq!(s3.objects(bucket), expected);
}

/// No file of the environment contains a signature: not the database, the log, the metadata or the output.
fn assert_no_links(test_env: &TestEnv) {
    let mut folders = vec![test_env.dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                assert_no_secret(&entry.path());
            }
        }
    }
}

fn assert_no_secret(path: &Path) {
    let content = fs::read(path).unwrap();
    for secret in ["X-Amz-", "x-amz-", SECRET_KEY, ACCESS_KEY] {
        let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{} contains {secret}", path.display());
    }
}

/// Starts the daemon, which logs as much as it can.
fn start_tracing(env: &mut TestEnv) {
    let daemon = env.command(&["run"]);
    let environment = daemon.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut command = Command::new("env");
    command.env_clear().envs(environment).envs(KEYS).arg("RUST_LOG=trace");
    command.arg(daemon.get_program()).args(daemon.get_args()).current_dir(env.dir.path());
    env.spawn_as(command);
}

/// Each Identify Face call of the ledger was accepted by a link.
fn identified(test_env: &TestEnv) -> i64 {
    i64::try_from(test_env.ledger().accepted(Endpoint::Identify)).unwrap()
}
