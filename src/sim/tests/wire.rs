//! The simulator over real HTTP: answers, media, results, callbacks.

use std::{net::SocketAddr, path::Path, time::Duration};

use axum::{Router, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

use super::good_create;
use crate::{
    media::video,
    sim::{Endpoint, MediaReader, SimConfig, SimServer, SimVideoFacts, callbacks, mp4},
    testing,
};

pub(super) const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const VIDEO: &str = "https://cdn.example/v.mp4?duration_ms=10000&faces=1";

/// A simulator without rate limits whose tasks end as soon as they are accepted, and its client.
pub(super) struct Pair {
    pub(super) server: SimServer,
    pub(super) client: Client,
}

impl Pair {
    pub(super) async fn start(config: SimConfig) -> Self {
        let config = SimConfig {
            bearer_token: Some("fixed".into()),
            identify_per_second: None,
            create_per_second: None,
            task_ms: (0, 0),
            ..config
        };
        let server = SimServer::start(config, ANY_PORT).await.unwrap();
        Self { server, client: callbacks::client().unwrap() }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base_url())
    }

    pub(super) async fn get(&self, path: &str) -> reqwest::Result<reqwest::Response> {
        self.client.get(self.url(path)).bearer_auth("fixed").send().await
    }

    pub(super) async fn post(
        &self,
        path: &str,
        body: &Value,
    ) -> reqwest::Result<reqwest::Response> {
        self.client.post(self.url(path)).bearer_auth("fixed").json(body).send().await
    }

    pub(super) async fn session(&self, video_url: &str) -> String {
        let answer = self.post("/v1/videos/identify-face", &json!({"video_url": video_url})).await;
        let answer: Value = answer.unwrap().json().await.unwrap();
        answer["data"]["session_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    pub(super) async fn create(&self, body: &Value) -> reqwest::Result<reqwest::Response> {
        self.post("/v1/videos/advanced-lip-sync", body).await
    }

    /// Changes the settings while the server runs.
    pub(super) fn set(&self, change: impl FnOnce(&mut SimConfig)) {
        self.server.control(|sim| change(sim.config_mut()));
    }

    /// The HTTP status and the body of the answer to a create request.
    pub(super) async fn created(&self, body: &Value) -> (u16, Value) {
        let response = self.create(body).await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The HTTP status and the body of the answer to a query; `rest` follows the path of the tasks.
    pub(super) async fn found(&self, rest: &str) -> (u16, Value) {
        let response = self.get(&format!("/v1/videos/advanced-lip-sync{rest}")).await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Makes a result and returns its path.
    pub(super) async fn result_of(&self, video_url: &str) -> String {
        let session_id = self.session(video_url).await;
        self.create(&good_create(&session_id, "a")).await.unwrap().error_for_status().unwrap();
        let answer = self.get("/v1/videos/advanced-lip-sync/a").await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let url = answer["data"]["task_result"]["videos"][0]["url"].as_str().unwrap().to_owned();
        url.strip_prefix(self.server.base_url()).unwrap().to_owned()
    }
}

#[tokio::test]
async fn task_succeeds_over_http() {
    let pair = Pair::start(SimConfig::default()).await;
    let path = pair.result_of(VIDEO).await;
    let response = pair.client.get(pair.url(&path)).send().await.unwrap();
    let length = response.content_length().unwrap();
    let etag = response.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(response.headers()["content-type"], "video/mp4");
    let whole = response.bytes().await.unwrap();
    assert_eq!(whole.len() as u64, length);
    assert!(whole.starts_with(&mp4::build(1280, 720, 10_000)));
    let name = path.trim_start_matches("/results/");
    assert!(String::from_utf8_lossy(&whole).contains(name), "a result names itself");

    let part = |range: &str, tag: &str| {
        let request = pair.client.get(pair.url(&path)).header("range", range);
        request.header("if-range", tag).send()
    };
    let response = part("bytes=100-", &etag).await.unwrap();
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    let range = format!("bytes 100-{}/{length}", length - 1);
    assert_eq!(response.headers()["content-range"], range.as_str());
    assert_eq!(response.bytes().await.unwrap(), whole.slice(100..));
    let response = part("bytes=100-", "\"another\"").await.unwrap();
    assert_eq!((response.status(), response.bytes().await.unwrap()), (StatusCode::OK, whole));
    let response = part(&format!("bytes={length}-"), &etag).await.unwrap();
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);

    pair.server.advance(Duration::from_secs(31 * 24 * 3600));
    let response = pair.client.get(pair.url(&path)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let addr = pair.server.addr();
    pair.server.shutdown().await;
    assert!(std::net::TcpStream::connect(addr).is_err(), "it has stopped listening");
}

#[tokio::test]
async fn answers_have_the_documented_form() {
    let pair = Pair::start(SimConfig { clock_offset_ms: 7_200_000, ..SimConfig::default() }).await;
    let cases = [
        ("GET", "/v1/videos/advanced-lip-sync/1", 404, 1203),
        ("GET", "/v1/videos/advanced-lip-sync?pageSize=0", 400, 1201),
        ("GET", "/v1/videos/advanced-lip-sync", 200, 0),
        ("GET", "/account/costs?start_time=1&end_time=2", 200, 0),
        ("GET", "/v1/videos/elsewhere", 404, 1203),
        ("DELETE", "/v1/videos/advanced-lip-sync/1", 404, 1202),
        ("POST", "/v1/videos/identify-face", 400, 1200),
    ];
    for (method, path, status, code) in cases {
        let method = method.parse().unwrap();
        let request = pair.client.request(method, pair.url(path)).bearer_auth("fixed");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let date = response.headers()["date"].to_str().unwrap().to_owned();
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(&date).unwrap();
        let behind_ms = pair.server.now_ms() - date.as_millisecond();
        assert!((0..3_600_000).contains(&behind_ms), "Date is by the simulator's clock");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["code"], code, "{path}");
        assert!(answer["request_id"].is_string() && answer["message"].is_string(), "{path}");
    }
    let response = pair.client.get(pair.url("/v1/videos/advanced-lip-sync")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

fn is_there(path: &Path) -> Option<SimVideoFacts> {
    let bytes = std::fs::metadata(path).ok()?.len();
    Some(SimVideoFacts { length_ms: Some(10_000), width: 720, height: 1280, bytes })
}

#[tokio::test]
async fn local_media_are_read_and_returned_as_results() {
    let dir = tempfile::tempdir().unwrap();
    let source: Vec<u8> = mp4::build(720, 1280, 10_000);
    std::fs::create_dir(dir.path().join("a b")).unwrap();
    std::fs::write(dir.path().join("a b/v.mp4"), &source).unwrap();
    let pair = Pair::start(SimConfig {
        media_dir: Some(dir.path().to_owned()),
        media_reader: MediaReader {
            video: is_there,
            audio_ms: |bytes| i64::try_from(bytes.len()).ok(),
        },
        min_result_bytes: 200_000,
        ..SimConfig::default()
    })
    .await;
    let served = pair.get("/media/a%20b/v.mp4").await.unwrap().bytes().await.unwrap();
    assert_eq!(served, source);
    let path = pair.result_of(&pair.url("/media/a%20b/v.mp4")).await;
    let result = pair.get(&path).await.unwrap().bytes().await.unwrap();
    assert!(result.starts_with(&source));
    assert_eq!(result.len(), 200_000);
    let request = pair.client.get(pair.url(&path)).header("range", "bytes=50-150000");
    let part = request.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(part, result.slice(50..=150_000));

    for outside in ["/media/gone.mp4", "/media/%2e%2e%2fv.mp4", "/media/..%2Fv.mp4"] {
        let body = json!({"video_url": pair.url(outside)});
        let answer = pair.post("/v1/videos/identify-face", &body).await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{outside}");
    }
    let session_id = pair.session(VIDEO).await;
    let mut inline = good_create(&session_id, "inline");
    inline["face_choose"][0]["sound_file"] = json!("AAAA".repeat(1_000));
    assert_eq!(pair.create(&inline).await.unwrap().status(), StatusCode::OK);
    inline["face_choose"][0]["sound_file"] = json!("AAAA".repeat(2_000_000));
    assert_eq!(pair.create(&inline).await.unwrap().status(), StatusCode::BAD_REQUEST);
}

/// Silence, as WAV of 8 kHz mono.
fn wav(length_ms: u32) -> Vec<u8> {
    testing::media::wav(8_000, 16, &vec![0; length_ms as usize * 16])
}

#[tokio::test]
async fn real_media_are_measured_by_default() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("v.mp4"), mp4::build(1080, 1920, 6_200)).unwrap();
    std::fs::write(dir.path().join("s.wav"), wav(4_000)).unwrap();
    std::fs::write(dir.path().join("text.mp4"), "no video").unwrap();
    let config = SimConfig { media_dir: Some(dir.path().to_owned()), ..SimConfig::default() };
    let pair = Pair::start(config).await;
    let text = json!({"video_url": pair.url("/media/text.mp4")});
    let answer = pair.post("/v1/videos/identify-face", &text).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);

    let session_id = pair.session(&pair.url("/media/v.mp4")).await;
    let inline = |bytes: Vec<u8>| STANDARD.encode(bytes);
    for (external, audio, end_ms, status) in [
        ("file", pair.url("/media/s.wav"), 4_000, 200),
        ("beyond", pair.url("/media/s.wav"), 4_001, 400),
        ("inline", inline(wav(3_000)), 3_000, 200),
        ("inline-beyond", inline(wav(3_000)), 3_001, 400),
        ("short", inline(wav(1_999)), 2_000, 400),
        ("nonsense", inline(b"no audio at all".repeat(99)), 2_000, 400),
    ] {
        let mut body = good_create(&session_id, external);
        body["face_choose"][0]["sound_file"] = json!(audio);
        body["face_choose"][0]["sound_end_time"] = json!(end_ms);
        assert_eq!(pair.create(&body).await.unwrap().status(), status, "{external}");
    }
    let path = pair.result_of(&pair.url("/media/v.mp4")).await;
    let result = pair.get(&path).await.unwrap().bytes().await.unwrap();
    let length = result.len() as u64;
    let facts = video::check_complete(std::io::Cursor::new(result), length).unwrap();
    assert_eq!((facts.length_ms, facts.width, facts.height), (Some(6_200), 1080, 1920));
}

#[tokio::test]
async fn watermarked_result_is_another_file() {
    let pair = Pair::start(SimConfig::default()).await;
    let session_id = pair.session(VIDEO).await;
    let mut body = good_create(&session_id, "a");
    body["watermark_info"] = json!({"enabled": true});
    pair.create(&body).await.unwrap();
    let answer = pair.get("/v1/videos/advanced-lip-sync/a").await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let result = &answer["data"]["task_result"]["videos"][0];
    let fetch = async |url: &Value| {
        let response = pair.client.get(url.as_str().unwrap()).send().await.unwrap();
        response.error_for_status().unwrap().bytes().await.unwrap()
    };
    assert_ne!(fetch(&result["url"]).await, fetch(&result["watermark_url"]).await);
}

#[tokio::test]
async fn callbacks_are_sent_to_this_machine() {
    let (heard, mut hear) = mpsc::channel::<Value>(8);
    let router = Router::new().route(
        "/done",
        post(move |body: axum::Json<Value>| async move {
            heard.send(body.0).await.unwrap();
        }),
    );
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    let callback_url = format!("http://{}/done", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });

    let pair = Pair::start(SimConfig::default()).await;
    let session_id = pair.session(VIDEO).await;
    let mut body = good_create(&session_id, "a");
    body["callback_url"] = json!(callback_url);
    pair.server.control(|sim| sim.config_mut().task_ms = (3_600_000, 3_600_000));
    pair.create(&body).await.unwrap();
    pair.server.advance(Duration::from_secs(3));
    assert_eq!(hear.recv().await.unwrap()["task_status"], "processing");
    pair.server.advance(Duration::from_secs(3600));
    let reported = hear.recv().await.unwrap();
    assert_eq!(reported["task_status"], "succeed");
    assert_eq!(reported["task_info"]["external_task_id"], "a");
}

#[tokio::test]
async fn ledger_is_served_as_json() {
    let pair = Pair::start(SimConfig::default()).await;
    pair.result_of(VIDEO).await;
    let ledger: Value = pair.get("/sim/ledger").await.unwrap().json().await.unwrap();
    assert_eq!(ledger["tasks"][0]["external_task_id"], "a");
    assert_eq!(ledger["tasks"][0]["status"], "succeed");
    assert_eq!(ledger["tasks"][0]["units"], "2");
    assert_eq!(ledger["paid_twice"]["external_task_ids"], json!([]));
    assert_eq!(ledger["calls"]["create"]["accepted"], 1);
    assert_eq!(ledger["identify_units"], "0.05");
    assert_eq!(pair.server.ledger().accepted(Endpoint::Identify), 1);
}

#[tokio::test]
async fn waiting_ends_when_it_is_stopped() {
    let pair = Pair::start(SimConfig::default()).await;
    pair.server.stop();
    pair.server.wait().await;
    pair.server.shutdown().await;
}
