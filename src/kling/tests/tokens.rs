//! Tokens that are refused because of their times: signed again with the server's time, and sent again.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::*;

fn claims(seen: &Seen) -> Value {
    let header = seen.headers["authorization"].to_str().unwrap();
    let claims = header.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

/// Refuses the first `refusals` requests with `code`, with a clock in 1994.
async fn refusing(code: i64, refusals: usize) -> Server {
    Server::start(move |number, _| async move {
        let mut response = if number < refusals {
            answer(401, format!(r#"{{"code": {code}, "message": "token"}}"#))
        } else {
            answer(200, r#"{"code": 0, "data": {"task_id": "t"}}"#)
        };
        let date = "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap();
        response.headers_mut().insert("date", date);
        response
    })
    .await
}

#[tokio::test]
async fn token_refused_as_not_yet_valid_is_signed_with_the_servers_time() {
    let server = refusing(1003, 1).await;
    let client = client(&server.url);
    client.create(&create_request()).await.result.unwrap();
    client.create(&create_request()).await.result.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 3, "the corrected time is kept");
    assert_eq!(claims(&seen[0])["nbf"], 1_700_000_000 - 5);
    assert_eq!(claims(&seen[1])["nbf"], 784_111_777 - 60);
    assert_eq!(claims(&seen[1])["exp"], 784_111_777 + 1800);
    assert_eq!(seen[0].body, seen[1].body);
    assert_eq!(claims(&seen[2]), claims(&seen[1]));
}

#[tokio::test]
async fn expired_token_is_replaced() {
    let server = refusing(1004, 1).await;
    client(&server.url).create(&create_request()).await.result.unwrap();
    let seen = server.seen();
    assert_eq!(claims(&seen[1])["exp"], 784_111_777 + 1800);
}

#[tokio::test]
async fn second_refusal_is_final() {
    for (code, class) in [(1003, ErrorClass::ClockAhead), (1004, ErrorClass::TokenExpired)] {
        let server = refusing(code, 2).await;
        let error = client(&server.url).create(&create_request()).await.result.unwrap_err();
        assert_eq!(error.class, class);
        assert!(!error.outcome_is_unknown());
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn other_refusals_and_fixed_tokens_are_not_repeated() {
    for code in [1000, 1001, 1002] {
        let server = refusing(code, 9).await;
        let error = client(&server.url).create(&create_request()).await.result.unwrap_err();
        assert_eq!((error.class, server.seen().len()), (ErrorClass::Credentials, 1));
    }
    let server = refusing(1004, 9).await;
    let fixed =
        Client::new(config(&server.url), Credential::Token("fixed-token".to_owned().into()))
            .unwrap();
    fixed.task("t").await.result.unwrap_err();
    assert_eq!(server.seen().len(), 1);
}
