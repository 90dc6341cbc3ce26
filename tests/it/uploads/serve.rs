//! Local videos that lipsyncd itself serves: by a signed link, and nothing else.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use lipsyncd::video_server::CONNECTIONS_MAX;
use reqwest::{Method, header::RANGE};

use super::{env_of, job, put_video, video};
use crate::support::{
    daemon::{TestEnv, quick},
    sha256,
};

/// An environment that serves videos at an address of its own. Returns the address, too.
pub(super) fn serving() -> (TestEnv, String) {
    let env = env_of(quick());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    env.configure(
        5,
        &format!(
            "media: {{ dirs: [media], serve: {{ listen: \"127.0.0.1:{port}\", public_url: \"{url}/\" }} }}\n"
        ),
    );
    (env, url)
}

pub(super) fn ask(method: Method, url: &str, range: Option<&str>) -> (u16, Option<u64>, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let mut request = client.request(method, url);
        if let Some(range) = range {
            request = request.header(RANGE, range);
        }
        let response = request.send().await.unwrap();
        let length = response.headers().get("content-length");
        let length = length.map(|length| length.to_str().unwrap().parse().unwrap());
        (response.status().as_u16(), length, response.bytes().await.unwrap().to_vec())
    })
}

fn status(method: Method, url: &str) -> u16 {
    ask(method, url, None).0
}

#[test]
fn a_video_is_served_by_its_link_and_nothing_else_is() {
    let (mut env, url) = serving();
    let content = video("served", 300_000);
    put_video(&env, "v.mp4", &content);
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start();
    env.until_state("en", "succeeded");
    let link = env.ledger().tasks[0].video.clone();
    assert!(link.starts_with(&format!("{url}/m/")), "{link}");
    let length = Some(content.len() as u64);
    assert_eq!(ask(Method::GET, &link, None), (200, length, content.clone()));
    assert_eq!(ask(Method::HEAD, &link, None), (200, length, Vec::new()));
    let part = content[100..200].to_vec();
    assert_eq!(ask(Method::GET, &link, Some("bytes=100-199")), (206, Some(100), part));
    let parts: Vec<&str> = link.rsplit('/').collect();
    let [object, mac, expiry] = parts[..3] else { panic!("{link}") };
    assert_eq!(object, format!("{}.mp4", sha256(&content)));
    let other = format!("{}.mp4", sha256(b"other"));
    for wrong in [
        format!("{url}/"),
        format!("{url}/v.mp4"),
        format!("{url}/m/{object}"),
        format!("{url}/m/{expiry}/{}/{object}", "0".repeat(64)),
        format!("{url}/m/9{expiry}/{mac}/{object}"),
        format!("{url}/m/{expiry}/{mac}/{other}"),
        format!("{url}/m/{expiry}/{mac}/../{object}"),
    ] {
        assert_eq!(status(Method::GET, &wrong), 404, "{wrong}");
    }
    assert_eq!(status(Method::PUT, &link), 405);
    // A proxy may leave its own path in front.
    assert_eq!(status(Method::GET, &link.replace("/m/", "/dub/m/")), 200);
    // The link is valid over a restart, and stored nowhere.
    env.kill();
    env.start();
    assert_eq!(status(Method::GET, &link), 200);
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "log", "output/en.json"] {
        let file = fs::read(env.path(name)).unwrap();
        let found = file.windows(mac.len()).any(|window| window == mac.as_bytes());
        assert!(!found, "{name} contains the signature");
    }
    // Other content under the name is not served by this link.
    fs::write(env.path("media/v.mp4"), video("other", 300_000)).unwrap();
    assert_eq!(status(Method::GET, &link), 404);
}

/// More connections than are served at once.
#[test]
fn those_without_a_link_keep_nobody_out() {
    let (mut env, url) = serving();
    put_video(&env, "v.mp4", &video("busy", 300_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start();
    env.until_state("en", "succeeded");
    let link = env.ledger().tasks[0].video.clone();
    let address = url.strip_prefix("http://").unwrap();
    let mut others: Vec<TcpStream> = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut other = TcpStream::connect(address).unwrap();
        other.write_all(b"GET /m/1/2/3.mp4 HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        others.push(other);
    }
    for other in &mut others {
        let mut answer = String::new();
        other.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(status(Method::GET, &link), 200);
}

#[test]
fn doctor_downloads_a_probe_through_the_public_url() {
    let (mut env, _) = serving();
    let check = |env: &TestEnv| {
        let ran = env.run(&["doctor", "--json"]);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == "media.serve").unwrap();
        (
            check["status"].as_str().unwrap().to_owned(),
            check["message"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(check(&env).0, "warning");
    env.start();
    let (status, message) = check(&env);
    assert_eq!(status, "ok", "{message}");
    let other = env.sim.base_url().to_owned();
    env.change_config("public_url: \"http://127.0.0.1", "public_url: \"http://localhost");
    assert_eq!(check(&env).0, "ok");
    let text = fs::read_to_string(env.path("lipsyncd.yaml")).unwrap();
    let (before, _) = text.split_once("public_url: \"").unwrap();
    fs::write(env.path("lipsyncd.yaml"), format!("{before}public_url: \"{other}/\" }} }}\n"))
        .unwrap();
    let (status, message) = check(&env);
    assert_eq!(status, "error", "{message}");
    assert!(message.contains("not with lipsyncd's probe") && !message.contains("/m/"), "{message}");
}

#[test]
fn status_says_that_videos_cannot_be_served_after_a_reload() {
    let (mut env, _) = serving();
    env.start();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let serve = format!("{{ listen: \"{address}\", public_url: \"http://{address}/\" }}");
    env.configure(5, &format!("media: {{ dirs: [media], serve: {serve} }}\n"));
    env.signal("HUP");
    let line = format!("videos     media.serve.listen: cannot listen on {address}: ");
    env.until("status to show the problem", |env| env.run(&["status"]).out.contains(&line));
    drop(taken);
    env.until("videos to be served", |env| !env.run(&["status"]).out.contains(&line));
}
