//! Refusals, answers that are not the API's, and missing answers.

use super::*;
use crate::kling::BuildError;

#[tokio::test]
async fn refusal_has_the_apis_message() {
    let server = Server::start(|_, _| async {
        let mut response = answer(
            429,
            r#"{"code": 1302, "message": "slow\ndown", "request_id": "req-1", "data": null}"#,
        );
        response.headers_mut().insert("retry-after", "7".parse().unwrap());
        response
    })
    .await;
    let reply = client(&server.url).create(&create_request()).await;
    let error = reply.result.unwrap_err();
    assert_eq!(error.class, ErrorClass::RateLimited);
    assert_eq!((error.code, error.retry_after_ms), (Some(1302), Some(7000)));
    assert!(!error.never_left && !error.outcome_is_unknown());
    assert_eq!(error.to_string(), "rate limited by the API: slow down (code 1302)");
    assert_eq!(error.request_id.as_deref(), Some("req-1"));
    assert_eq!((reply.answer.http_status, reply.answer.code), (Some(429), Some(1302)));
    assert_eq!(reply.answer.message.as_deref(), Some("slow down"));
}

#[tokio::test]
async fn no_message_contains_the_request_id() {
    let server = Server::saying(
        500,
        r#"{"code": 5001, "message": "busy, see 7f3a-99c0-11", "request_id": "7f3a-99c0-11"}"#,
    )
    .await;
    let error = client(&server.url).create(&create_request()).await.result.unwrap_err();
    assert!(error.message.ends_with(": busy, see … (code 5001)"), "{error}");
    assert_eq!(error.request_id.as_deref(), Some("7f3a-99c0-11"));
}

#[tokio::test]
async fn retry_after_date_uses_the_servers_clock() {
    let server = Server::start(|_, _| async {
        let mut response = answer(429, r#"{"code": "1303"}"#);
        let headers = response.headers_mut();
        headers.insert("date", "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        headers.insert("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT".parse().unwrap());
        response
    })
    .await;
    let reply = client(&server.url).create(&create_request()).await;
    assert_eq!(reply.answer.server_at_ms, Some(784_111_777_000));
    let error = reply.result.unwrap_err();
    assert_eq!((error.class, error.retry_after_ms), (ErrorClass::Concurrency, Some(30_000)));
}

#[tokio::test]
async fn known_code_decides_with_any_status() {
    for (status, body, class, open) in [
        (200, r#"{"code": 1201, "message": "bad"}"#, ErrorClass::BadRequest, false),
        (500, r#"{"code": 1201, "message": "bad"}"#, ErrorClass::BadRequest, false),
        (400, r#"{"code": 1999, "message": "new"}"#, ErrorClass::OtherRefusal, false),
        (200, r#"{"code": 1999, "message": "new"}"#, ErrorClass::ServerProblem, true),
        (503, r#"{"code": 5001, "message": "busy"}"#, ErrorClass::ServerProblem, true),
        (500, r#"{"code": 0, "data": {"task_id": "t"}}"#, ErrorClass::Transport, true),
        (400, r#"{"code": 0, "data": {"task_id": "t"}}"#, ErrorClass::Transport, true),
    ] {
        let server = Server::saying(status, body).await;
        let error = client(&server.url).create(&create_request()).await.result.unwrap_err();
        assert_eq!(error.class, class, "{status} {body}");
        assert_eq!(error.outcome_is_unknown(), open, "{status} {body}");
    }
}

#[tokio::test]
async fn page_of_a_proxy_is_never_a_refusal() {
    for status in [200, 400, 401, 403, 404, 407, 429, 500, 502] {
        let server = Server::start(move |_, _| async move {
            let mut response = answer(status, "<html>\n<title>Access\u{7} denied</title>");
            response.headers_mut().insert("content-type", "text/html".parse().unwrap());
            response
        })
        .await;
        let reply = client(&server.url).create(&create_request()).await;
        let error = reply.result.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transport, "{status}");
        assert!(error.outcome_is_unknown(), "{status}");
        assert_eq!(reply.answer.http_status, Some(status));
        assert_eq!(
            error.message,
            format!(
                "the answer is not from the API: HTTP {status}, text/html, “<html> <title>Access denied</title>”"
            )
        );
    }
    let server = Server::saying(204, "").await;
    let error = client(&server.url).task("t").await.result.unwrap_err();
    assert_eq!(error.message, "the answer is not from the API: HTTP 204, empty");
}

#[tokio::test]
async fn redirect_is_refused_and_names_its_target() {
    let other = Server::saying(200, "{}").await;
    let target = other.url.join("/login?secret=1").unwrap();
    let server = Server::start(move |_, _| {
        let target = target.clone();
        async move {
            let mut response = answer(307, "");
            response.headers_mut().insert("location", target.as_str().parse().unwrap());
            response
        }
    })
    .await;
    let error = client(&server.url).create(&create_request()).await.result.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transport);
    assert!(error.message.contains("redirects to 127.0.0.1 (HTTP 307)"), "{error}");
    assert!(!error.message.contains("secret"), "{error}");
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn answer_size_is_limited() {
    let long =
        Server::saying(200, format!(r#"{{"code": 0, "message": "{}"}}"#, "x".repeat(1 << 20)))
            .await;
    let error = client(&long.url).task("t").await.result.unwrap_err();
    assert!(error.message.contains("longer than 1048576 bytes"), "{error}");
    let page = client(&long.url).tasks(1, 500).await.result.unwrap_err();
    assert_eq!(page.message, "the API answered success, but it has no data");
}

/// A gzip stream of slightly more than a megabyte of spaces: one literal, then repeats of the longest match (RFC 1951, fixed codes).
fn gzip_bomb() -> Vec<u8> {
    let bits = |text: &str| text.bytes().map(|bit| bit == b'1').collect::<Vec<_>>();
    let mut stream = bits("110"); // Last block, fixed codes.
    stream.extend(bits("01010000")); // A space.
    for _ in 0..4200 {
        stream.extend(bits("1100010100000")); // 258 bytes, from one byte back.
    }
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    bytes.extend(
        stream
            .chunks(8)
            .map(|byte| byte.iter().rev().fold(0, |value, bit| value << 1 | u8::from(*bit))),
    );
    bytes
}

#[tokio::test]
async fn size_limit_counts_decompressed_bytes() {
    assert!(gzip_bomb().len() < 10_000);
    let server = Server::start(|_, _| async {
        let mut response = answer(200, gzip_bomb());
        response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        response
    })
    .await;
    let error = client(&server.url).task("t").await.result.unwrap_err();
    assert!(error.message.contains("longer than 1048576 bytes"), "{error}");
}

#[tokio::test]
async fn endless_slow_body_times_out() {
    let server = Server::start(|_, _| async {
        let drop = |sent: u32| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), sent + 1))
        };
        answer(200, Body::from_stream(futures_util::stream::unfold(0, drop)))
    })
    .await;
    let config =
        ClientConfig { request_timeout: Duration::from_millis(200), ..config(&server.url) };
    let client = Client::new(config, credential()).unwrap();
    let reply = client.create(&create_request()).await;
    let error = reply.result.unwrap_err();
    assert_eq!(error.message, "no answer from 127.0.0.1 within 0.2 s");
    assert_eq!(reply.answer.http_status, Some(200));
    assert!(error.outcome_is_unknown());
}

#[tokio::test]
async fn incomplete_answer_is_an_error() {
    let cut =
        Server::raw(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"code\": 0, \"data\"").await;
    let reply = client(&cut).create(&create_request()).await;
    let error = reply.result.unwrap_err();
    assert_eq!((error.class, error.never_left), (ErrorClass::Transport, false));
    assert_eq!(reply.answer.http_status, Some(200));
    let closed = Server::raw(b"").await;
    let error = client(&closed).create(&create_request()).await.result.unwrap_err();
    assert_eq!((error.class, error.never_left), (ErrorClass::Transport, false));
}

#[tokio::test]
async fn timeout_leaves_the_outcome_unknown() {
    let server = Server::start(|_, _| std::future::pending()).await;
    let config =
        ClientConfig { request_timeout: Duration::from_millis(200), ..config(&server.url) };
    let client = Client::new(config, credential()).unwrap();
    let error = client.create(&create_request()).await.result.unwrap_err();
    assert_eq!(error.message, "no answer from 127.0.0.1 within 0.2 s");
    assert!(error.outcome_is_unknown());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn failed_connection_means_never_left() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let not_tls = Server::raw(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let mut not_tls = not_tls.clone();
    not_tls.set_scheme("https").unwrap();
    for base in [refused, not_tls, "https://nowhere.invalid".parse().unwrap()] {
        let reply = client(&base).create(&create_request()).await;
        let error = reply.result.unwrap_err();
        assert_eq!(
            (error.class, error.never_left),
            (ErrorClass::Transport, true),
            "{base}: {error}"
        );
        assert!(!error.outcome_is_unknown());
        assert_eq!(reply.answer.http_status, None);
    }
}

#[test]
fn base_url_that_would_leak_credentials_is_refused() {
    for base in [
        "http://api.example.com",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://user:hush-hush@api.example.com",
        "https://api.example.com/?key=hush-hush",
    ] {
        let error = Client::new(config(&base.parse().unwrap()), credential()).unwrap_err();
        assert!(matches!(error, BuildError::BaseUrl(_)), "{base}");
        assert!(!format!("{error} {error:?}").contains("hush"), "{base}");
    }
    let empty = Credential::Token(String::new().into());
    let error =
        Client::new(config(&"https://api.example.com".parse().unwrap()), empty).unwrap_err();
    assert!(matches!(error, BuildError::Credential(_)));
}

#[tokio::test]
async fn errors_and_debug_show_no_secrets() {
    let fixed = "fixed-token-0123456789";
    let with_keys = echo(format!("{ACCESS_KEY} {SECRET_KEY}")).await;
    let with_token = echo(fixed.to_owned()).await;
    let mut texts = String::new();
    for (server, credential) in
        [(&with_keys, credential()), (&with_token, Credential::Token(fixed.to_owned().into()))]
    {
        texts += &format!("{credential:?} {:?}", config(&server.url));
        let client = Client::new(config(&server.url), credential).unwrap();
        texts += &format!("{client:?}");
        for _ in 0..3 {
            texts += &format!("{:?}", client.task("t").await);
        }
    }
    let seen = with_keys.seen();
    let authorization = seen[0].headers["authorization"].to_str().unwrap();
    let signature = authorization.rsplit('.').next().unwrap();
    for secret in [ACCESS_KEY, SECRET_KEY, fixed, signature] {
        assert!(!texts.contains(secret), "{secret} in {texts}");
    }
    assert!(texts.contains("[redacted]"));
}

/// A server that returns everything it received, in every field that people may read.
async fn echo(known: String) -> Server {
    Server::start(move |number, seen| {
        let reported = format!("{known} {}", seen.headers["authorization"].to_str().unwrap());
        async move {
            match number {
                0 => answer(
                    400,
                    format!(r#"{{"code": 1201, "message": "{reported}", "request_id": "{reported}"}}"#),
                ),
                1 => answer(502, format!("<html>{reported}")),
                _ => answer(
                    200,
                    format!(
                        r#"{{"code": 0, "data": {{"task_id": "t", "task_status_msg": "{reported}", "task_status": "{reported}"}}}}"#
                    ),
                ),
            }
        }
    })
    .await
}
