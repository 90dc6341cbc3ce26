//! Several keys and accounts, and the server's clock, over real HTTP.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{good_create, wire::Pair};
use crate::sim::{ApiKey, Endpoint, SimConfig, token};

const VIDEO: &str = "https://cdn.example/v.mp4?duration_ms=10000&faces=1";
const TASKS: &str = "/v1/videos/advanced-lip-sync";

/// A client of the simulator with a key of its own.
struct Client<'p> {
    pair: &'p Pair,
    authorization: String,
}

impl Client<'_> {
    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.pair.client.get(self.pair.url(path))).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.pair.client.post(self.pair.url(path)).json(body)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let request = request.header("authorization", &self.authorization);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn session(&self) -> String {
        let (_, answer) = self.post("/v1/videos/identify-face", &json!({"video_url": VIDEO})).await;
        answer["data"]["session_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn listed(&self) -> usize {
        self.get(TASKS).await.1["data"].as_array().unwrap().len()
    }
}

fn signed(pair: &Pair, access_key: &str, secret_key: &str) -> String {
    let now_s = pair.server.now_ms() / 1000;
    let claims = json!({"iss": access_key, "exp": now_s + 1800, "nbf": now_s - 5});
    token::sign(&json!({"alg": "HS256", "typ": "JWT"}), &claims, secret_key)
}

#[tokio::test]
async fn key_sees_the_tasks_of_its_account() {
    let more_keys = vec![
        ApiKey::token(0, "rotated"),
        ApiKey::keys(0, "rotated-access", "rotated-secret"),
        ApiKey::token(1, "other"),
        ApiKey::keys(1, "other-access", "other-secret"),
    ];
    let config = SimConfig { more_keys, concurrency: 1, ..SimConfig::default() };
    let pair = Pair::start(config).await;
    pair.set(|config| config.task_ms = (3_600_000, 3_600_000));
    let client = |authorization: String| Client { pair: &pair, authorization };
    let bearer = |token: &str| client(format!("Bearer {token}"));
    let first = bearer("fixed");
    let session_id = first.session().await;
    let (_, answer) = first.post(TASKS, &good_create(&session_id, "a")).await;
    let id = answer["data"]["task_id"].as_str().unwrap().to_owned();

    for same in [
        bearer("rotated"),
        client(signed(&pair, "sim-access-key", "sim-secret-key")),
        client(signed(&pair, "rotated-access", "rotated-secret")),
    ] {
        assert_eq!(same.get(&format!("{TASKS}/{id}")).await.0, 200);
        assert_eq!(same.get(&format!("{TASKS}/a")).await.0, 200);
        assert_eq!(same.listed().await, 1);
        // The name is known, and the account has one slot for all its keys.
        assert_eq!(same.post(TASKS, &good_create(&session_id, "a")).await.1["code"], 1201);
        assert_eq!(same.post(TASKS, &good_create(&session_id, "b")).await.1["code"], 1303);
    }
    let other = bearer("other");
    for other in [&other, &client(signed(&pair, "other-access", "other-secret"))] {
        assert_eq!(other.get(&format!("{TASKS}/{id}")).await.0, 404);
        assert_eq!(other.get(&format!("{TASKS}/a")).await.0, 404);
        assert_eq!(other.listed().await, 0);
        let (_, answer) = other.post(TASKS, &good_create(&session_id, "a")).await;
        assert!(answer["message"].as_str().unwrap().contains("session_id"), "{answer}");
    }
    // Another account has its own names and slots.
    let session_id = other.session().await;
    assert_eq!(other.post(TASKS, &good_create(&session_id, "a")).await.0, 200);
    assert_eq!((other.listed().await, first.listed().await), (1, 1));
    let ledger = pair.server.ledger();
    let accounts: Vec<_> = ledger.tasks.iter().map(|task| task.account).collect();
    assert_eq!(accounts, [0, 1]);
    assert_eq!(ledger.tasks_by_name(), [("a".to_owned(), 2)].into());
    assert_eq!((ledger.paid_twice.external_task_ids.len(), ledger.at_once_max), (0, 1));
    // A removed key is refused.
    pair.set(|config| config.more_keys.clear());
    assert_eq!(bearer("rotated").get(TASKS).await.1["code"], 1002);
    assert_eq!(ledger.refused(Endpoint::Create, 1303), 3);
}

#[tokio::test]
async fn created_at_and_date_are_by_the_clock_of_the_server() {
    for hours in [-2, 2] {
        let clock_offset_ms = hours * 3_600_000;
        let pair = Pair::start(SimConfig { clock_offset_ms, ..SimConfig::default() }).await;
        let session_id = pair.session(VIDEO).await;
        let response = pair.create(&good_create(&session_id, "a")).await.unwrap();
        let date = response.headers()["date"].to_str().unwrap().to_owned();
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(&date).unwrap();
        let created: Value = response.json().await.unwrap();
        let created_at = created["data"]["created_at"].as_i64().unwrap();
        assert_eq!(pair.found("/a").await.1["data"]["created_at"], created_at);
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let ahead_ms = |at_ms: i64| at_ms - i64::try_from(wall.as_millis()).unwrap();
        let tolerance_ms = i64::try_from(Duration::from_secs(1_800).as_millis()).unwrap();
        for at_ms in [created_at, date.as_millisecond()] {
            assert!((ahead_ms(at_ms) - clock_offset_ms).abs() < tolerance_ms, "{hours} h: {at_ms}");
        }
    }
}
