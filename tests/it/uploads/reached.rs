//! `media.serve` where Kling does not reach lipsyncd, and what strangers can do.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    time::Duration,
};

use lipsyncd::video_server::VideoLinks;
use reqwest::Method;

use super::{
    env_of, job, put_video,
    serve::{ask, serving},
    start_tracing, video, waiting_for,
};
use crate::support::{
    counts::is_full,
    daemon::{TestEnv, job_of, quick},
    sha256,
};

/// A link as the daemon with the simulator's secret signs it.
fn link(url: &str, secret: &str, content: &[u8], age_s: i64) -> String {
    let links = VideoLinks::new(
        format!("{url}/").parse().unwrap(),
        &secret.into(),
        Duration::from_secs(3600),
    );
    let now_ms = jiff::Timestamp::now().as_millisecond();
    links.link(&format!("{}.mp4", sha256(content)), now_ms - age_s * 1_000)
}

fn serve_at(env: &TestEnv, listen: &str, public_url: &str) {
    env.configure(
        5,
        &format!("media: {{ dirs: [media], serve: {{ listen: \"{listen}\", public_url: \"{public_url}/\" }} }}\n"),
    );
}

#[test]
fn a_port_in_use_ends_a_start_and_not_a_reload() {
    let mut env = env_of(quick());
    let content = video("port", 200_000);
    put_video(&env, "v.mp4", &content);
    env.drop_in_old("url.yaml", job_of("port"));
    env.start();
    env.until_state("url", "succeeded");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = other.local_addr().unwrap().to_string();
    serve_at(&env, &listen, &format!("http://{listen}"));
    env.signal("HUP");
    env.until("the reason", |env| {
        env.log().contains(&format!("media.serve.listen: cannot listen on {listen}: "))
    });
    env.drop_in("next.yaml", job_of("next"));
    env.until_state("next", "succeeded");
    drop(other);
    env.until("the listener", |env| env.log().contains("local videos are served at http://"));
    env.drop_in("en.yaml", job("v.mp4", "en"));
    env.until_state("en", "succeeded");
    env.kill();
    let _other = TcpListener::bind(&listen).unwrap();
    let ran = env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(
        ran.err.contains("stop the program that listens there, or set another address"),
        "{ran:?}"
    );
}

/// The tunnel is down: no job fails, and the reason names what to check.
#[test]
fn a_job_waits_while_kling_does_not_reach_lipsyncd() {
    let (mut env, url) = serving();
    let listen = url.trim_start_matches("http://").to_owned();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    serve_at(&env, &listen, &format!("http://{closed}"));
    put_video(&env, "v.mp4", &video("tunnel", 200_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    start_tracing(&mut env);
    env.until("the reason", |env| {
        waiting_for(env, "en").contains(
            "nothing has asked lipsyncd for the video: Kling probably does not reach media.serve.public_url; run `lipsyncd doctor`",
        )
    });
    serve_at(&env, &listen, &url);
    env.signal("HUP");
    env.until_state("en", "succeeded");
    assert_eq!(env.ledger().tasks.len(), 1);
    // The answers of the API have quoted links.
    assert!(env.log().contains("TRACE") && env.log().contains("/m/"), "{}", env.log());
    assert_no_macs(env.dir.path());
}

/// No file contains a link: a signature before the hash of a video.
fn assert_no_macs(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            assert_no_macs(&entry.path());
            continue;
        }
        let content = fs::read(entry.path()).unwrap();
        let is_hash = |part: &[u8]| part.len() == 64 && part.iter().all(u8::is_ascii_hexdigit);
        let is_link =
            |part: &[u8]| part[64] == b'/' && is_hash(&part[..64]) && is_hash(&part[65..]);
        assert!(!content.windows(129).any(is_link), "{}", entry.path().display());
    }
}

#[test]
fn only_a_link_of_this_daemon_that_has_not_expired_is_served() {
    let (mut env, url) = serving();
    let content = video("links", 300_000);
    put_video(&env, "v.mp4", &content);
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start();
    env.until_state("en", "succeeded");
    let good = link(&url, "sim-secret-key", &content, 0);
    let status = |url: &str| ask(Method::GET, url, None).0;
    assert_eq!(status(&good), 200);
    assert_eq!(status(&link(&url, "sim-secret-key", &content, 3_601)), 404);
    assert_eq!(status(&link(&url, "another-secret", &content, 0)), 404);
    let size = content.len();
    for (range, expected) in [
        ("bytes=-100", Some(&content[size - 100..])),
        ("bytes=299990-400000", Some(&content[299_990..])),
        ("bytes=0-0", Some(&content[..1])),
        ("bytes=300000-", None),
        ("bytes=9-1", None),
        ("bytes=0-1,5-6", None),
    ] {
        let (status, _, body) = ask(Method::GET, &good, Some(range));
        match expected {
            Some(part) => assert_eq!((status, &body[..]), (206, part), "{range}"),
            None => assert!(status == 416 && body.len() < 100, "{range}: {status}"),
        }
    }
    // The signature of a file says nothing about another one that took its place.
    let path = env.path("media/v.mp4");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    assert_eq!(status(&good), 404);
}

#[test]
fn strangers_get_nothing_and_keep_nobody_out() {
    let (mut env, url) = serving();
    let content = video("strangers", 5_000_000);
    put_video(&env, "v.mp4", &content);
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start();
    env.until_state("en", "succeeded");
    let good = link(&url, "sim-secret-key", &content, 0);
    let address = url.trim_start_matches("http://");
    let [object, mac, expiry] = good.rsplit('/').take(3).collect::<Vec<_>>()[..] else { panic!() };
    for path in [
        "/m/../../../../etc/passwd".to_owned(),
        "/m/%2e%2e/%2e%2e/etc/passwd".to_owned(),
        "//etc/passwd".to_owned(),
        format!("/m/{expiry}/{mac}/..%2f..%2fetc%2fpasswd"),
        format!("/m/{expiry}/{mac}/{object}/../../../lipsyncd.yaml"),
        format!("/m/{expiry}/{mac}/{object}%00.mp4"),
        format!("/m/+{expiry}/{mac}/{object}"),
        format!("/m/0{expiry}/{mac}/{object}"),
        format!("/m/{expiry}/{mac}/{}", object.to_uppercase()),
        "http://169.254.169.254/m/1/2/3".to_owned(),
        "*".to_owned(),
        "\u{1}".to_owned(),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["404", "400"].contains(&status), "{path}: {answer}");
    }
    // Readers that read nothing, and connections that send nothing.
    let mut open = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).unwrap();
        let path = good.trim_start_matches(&url);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        open.push(stream);
    }
    let count = if is_full() { 1_000 } else { 300 };
    open.extend((0..count).map(|_| TcpStream::connect(address).unwrap()));
    assert_eq!(ask(Method::GET, &good, None), (200, Some(content.len() as u64), content));
}
