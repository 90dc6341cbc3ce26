//! What a client sees of each fault, and what the account records.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{good_create, wire::Pair};
use crate::sim::{Endpoint, Fault, FaultRule, RandomFaults, SimConfig, callbacks};

const VIDEO: &str = "https://cdn.example/v.mp4?duration_ms=10000&faces=1";

async fn fault(pair: &Pair, rule: &Value) -> StatusCode {
    pair.post("/sim/faults", rule).await.unwrap().status()
}

#[tokio::test]
async fn lost_answer_is_paid_and_dropped_request_is_not() {
    let pair = Pair::start(SimConfig::default()).await;
    let session_id = pair.session(VIDEO).await;
    for (what, external, paid) in [("lose_answer", "lost", 1), ("drop_request", "dropped", 1)] {
        assert_eq!(fault(&pair, &json!({"call": "create", "do": what})).await, 204);
        let error = pair.create(&good_create(&session_id, external)).await.unwrap_err();
        assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
        assert_eq!(pair.server.ledger().tasks.len(), paid, "{what}");
    }
    let backlog = json!({"call": "create", "do": "code", "code": 5002, "accept": true});
    assert_eq!(fault(&pair, &backlog).await, 204);
    let answer = pair.create(&good_create(&session_id, "backlog")).await.unwrap();
    assert_eq!((answer.status().as_u16(), pair.server.ledger().tasks.len()), (504, 2));
    let found = pair.get("/v1/videos/advanced-lip-sync/lost").await.unwrap();
    assert_eq!(found.status(), StatusCode::OK);
    let found = pair.get("/v1/videos/advanced-lip-sync/dropped").await.unwrap();
    assert_eq!(found.status(), StatusCode::NOT_FOUND);
    let faults = pair.server.ledger().faults;
    assert_eq!((faults["lose_answer"], faults["drop_request"]), (1, 1));
}

#[tokio::test]
async fn faults_change_answers() {
    let pair = Pair::start(SimConfig::default()).await;
    let session_id = pair.session(VIDEO).await;
    pair.create(&good_create(&session_id, "a")).await.unwrap();
    let path = "/v1/videos/advanced-lip-sync/a";
    let get = async |rule: Value| {
        assert_eq!(fault(&pair, &rule).await, 204, "{rule}");
        let response = pair.get(path).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.text().await)
    };
    let (status, headers, body) =
        get(json!({"call": "query", "do": "code", "code": 1302, "retry_after": 7})).await;
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (429, "7"));
    assert!(body.unwrap().contains("\"code\":1302"));
    let (status, _, body) =
        get(json!({"call": "query", "do": "code", "code": 5000, "status": 200})).await;
    assert_eq!(status, 200);
    assert!(body.unwrap().contains("5000"));
    let (status, headers, body) = get(json!({"call": "any", "do": "html"})).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (502, "text/html"));
    assert!(body.unwrap().contains("<html>"));
    let (_, _, body) = get(json!({"call": "query", "do": "cut_body"})).await;
    assert!(body.is_err(), "{body:?}");
    let (status, _, body) = get(json!({"call": "query", "do": "garbage"})).await;
    assert_eq!(status, 200);
    assert!(serde_json::from_str::<Value>(&body.unwrap()).is_err());
    let (_, _, body) = get(json!({"call": "query", "do": "huge_body", "bytes": 3_000_000})).await;
    assert_eq!(body.unwrap().len(), 3_000_000);
    let (status, headers, _) =
        get(json!({"call": "query", "do": "redirect", "to": "http://127.0.0.1:1/x"})).await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (302, "http://127.0.0.1:1/x"));
    let patch = json!({"data": {"task_status": "resting", "task_result": null}});
    let (_, _, body) = get(json!({"call": "query", "do": "patch", "with": patch})).await;
    let body: Value = serde_json::from_str(&body.unwrap()).unwrap();
    assert_eq!(body["data"]["task_status"], "resting");
    assert_eq!(body["data"].get("task_result"), None);
    assert_eq!(body["data"]["task_info"]["parent_video"]["duration"], "10");
    let (_, _, body) =
        get(json!({"call": "query", "do": "body", "body": {"code": "0"}, "status": 418})).await;
    assert_eq!(body.unwrap(), r#"{"code":"0"}"#);
    let (status, _, _) = get(json!({"call": "query", "do": "hang", "ms": 1})).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn proxy_refuses_a_large_body() {
    let pair = Pair::start(SimConfig::default()).await;
    let session_id = pair.session(VIDEO).await;
    for (status, reason) in
        [(413, "413 Payload Too Large"), (414, "414 URI Too Long"), (431, "431 Request Header")]
    {
        for html in [false, true] {
            let rule = json!({"call": "create", "do": "too_large", "status": status, "html": html});
            assert_eq!(fault(&pair, &rule).await, 204);
            let response = pair.create(&good_create(&session_id, "a")).await.unwrap();
            assert_eq!(response.status(), status);
            let kind = if html { "text/html" } else { "application/json" };
            assert_eq!(response.headers()["content-type"], kind);
            let body = response.text().await.unwrap();
            let page = r#"{"message":"request entity too large"}"#;
            assert!(body.contains(if html { reason } else { page }), "{body}");
        }
    }
    let ledger = pair.server.ledger();
    assert_eq!((ledger.tasks.len(), ledger.faults["too_large"]), (0, 6));
}

#[tokio::test]
async fn request_with_a_delayed_answer_is_accepted_first() {
    let pair = Pair::start(SimConfig::default()).await;
    let session_id = pair.session(VIDEO).await;
    let hang = FaultRule::once(Endpoint::Create, Fault::Hang { ms: 3_600_000 });
    pair.server.control(|sim| sim.add_fault(hang));
    let request = pair.client.post(pair.url("/v1/videos/advanced-lip-sync")).bearer_auth("fixed");
    let body = good_create(&session_id, "a");
    let request = request.timeout(std::time::Duration::from_millis(300)).json(&body);
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(pair.server.ledger().tasks.len(), 1);
    pair.server.shutdown().await;
}

#[tokio::test]
async fn faults_change_downloads() {
    let pair = Pair::start(SimConfig { min_result_bytes: 500_000, ..SimConfig::default() }).await;
    let path = pair.result_of(VIDEO).await;
    let rule = |rest: Value| {
        let mut rule =
            json!({"call": "download", "matching": path.trim_start_matches("/results/")});
        rule.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        rule
    };
    let get = async |rest: Value| {
        assert_eq!(fault(&pair, &rule(rest)).await, 204);
        let response = pair.client.get(pair.url(&path)).send().await.unwrap();
        (response.status().as_u16(), response.content_length(), response.bytes().await)
    };
    assert_eq!(get(json!({"do": "status", "status": 503})).await.0, 503);
    let (status, length, body) = get(json!({"do": "cut_body", "bytes": 100_000})).await;
    assert_eq!((status, length, body.is_err()), (200, Some(500_000), true));
    let (_, length, body) = get(json!({"do": "wrong_length"})).await;
    assert_eq!((length, body.unwrap().len()), (Some(250_000), 250_000));
    let (status, _, body) = get(json!({"do": "not_a_video"})).await;
    assert!(status == 200 && body.unwrap().starts_with(b"<!DOCTYPE"));
    assert_eq!(get(json!({"do": "redirect", "to": "https://cdn.example/"})).await.0, 302);
    let (_, length, body) = get(json!({"do": "trailing", "body": "\r\n"})).await;
    assert_eq!((length, body.unwrap().ends_with(b"\r\n")), (Some(500_002), true));
    let (_, length, body) = get(json!({"do": "plain"})).await;
    assert_eq!((length, body.unwrap().len()), (None, 500_000));
    assert_eq!(get(json!({"do": "wants_referer"})).await.0, 403);
    let healthy = pair.client.get(pair.url(&path)).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(healthy.len(), 500_000);
}

#[tokio::test]
async fn faults_can_be_removed_and_invalid_ones_are_errors() {
    let pair = Pair::start(SimConfig::default()).await;
    assert_eq!(fault(&pair, &json!({"call": "list", "do": "html", "times": 9})).await, 204);
    assert_eq!(fault(&pair, &json!({"call": "list", "do": "explode"})).await, 400);
    let list = "/v1/videos/advanced-lip-sync";
    assert_eq!(pair.get(list).await.unwrap().status(), 502);
    pair.client.delete(pair.url("/sim/faults")).send().await.unwrap();
    assert_eq!(pair.get(list).await.unwrap().status(), 200);
}

#[tokio::test]
async fn dropped_server_frees_its_port() {
    let pair = Pair::start(SimConfig {
        random_faults: RandomFaults { html: 1.0, ..RandomFaults::default() },
        ..SimConfig::default()
    })
    .await;
    assert_eq!(pair.get("/account/costs").await.unwrap().status(), 502);
    let url = pair.url("/account/costs");
    drop(pair);
    let client = callbacks::client().unwrap();
    // The server's task ends when the runtime next runs it.
    while client.get(&url).send().await.is_ok() {
        tokio::task::yield_now().await;
    }
}
