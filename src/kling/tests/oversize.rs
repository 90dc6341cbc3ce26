//! Requests that a proxy refuses because of their size.

use super::*;
use crate::kling::offline::RawAnswer;

fn refused(http_status: u16, headers: &[(&'static str, &str)], body: &str) -> RawAnswer {
    RawAnswer {
        http_status,
        headers: headers.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect(),
        body: body.as_bytes().to_vec(),
        secrets: vec![SECRET_KEY.to_owned()],
        ..RawAnswer::default()
    }
}

#[test]
fn status_alone_is_a_refusal() {
    for http_status in [413, 414, 431] {
        for body in [
            "",
            "<html><h1>413 Request Entity Too Large</h1>",
            r#"{"message": "request entity too large"}"#,
            r#"{"code": null}"#,
        ] {
            let answer = refused(http_status, &[("server", "nginx")], body);
            let error = answer.created().result.unwrap_err();
            assert_eq!(error.class, ErrorClass::TooLarge, "{http_status} {body}");
            assert!(!error.outcome_is_unknown() && !error.never_left, "{http_status} {body}");
            let words = format!(
                "the request was refused as too large (HTTP {http_status}): the API or the proxy at "
            );
            assert!(error.message.starts_with(&words), "{error}");
            assert!(error.message.contains(" (nginx) accepts at most "), "{error}");
            assert_eq!(error.code, None, "{body}");
            for error in [
                answer.identified().result.map(drop).unwrap_err(),
                answer.task().result.map(drop).unwrap_err(),
                answer.tasks().result.map(drop).unwrap_err(),
            ] {
                assert_eq!(error.class, ErrorClass::TooLarge, "{http_status} {body}");
            }
        }
    }
}

#[test]
fn known_code_decides_and_unknown_code_is_shown() {
    let known = refused(413, &[], r#"{"code": 1201, "message": "audio too long"}"#);
    let error = known.created().result.unwrap_err();
    assert_eq!((error.class, error.code), (ErrorClass::BadRequest, Some(1201)));
    assert!(error.message.contains("audio too long"), "{error}");

    let body = r#"{"code": 413, "message": "too large", "request_id": "r-1"}"#;
    let error = refused(413, &[], body).created().result.unwrap_err();
    assert_eq!((error.class, error.code), (ErrorClass::TooLarge, Some(413)));
    assert_eq!(error.request_id.as_deref(), Some("r-1"));
    assert_eq!(
        error.message,
        "the request was refused as too large (HTTP 413, code 413): the API or the proxy at  accepts at most a smaller body; use a smaller audio file, or raise its limit"
    );

    // Success and failure in one answer: the task may exist.
    let both = refused(413, &[], r#"{"code": 0, "data": {"task_id": "81"}}"#);
    let error = both.created().result.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transport);
    assert!(error.outcome_is_unknown());
}

#[test]
fn refusing_server_is_named_from_the_headers() {
    for (headers, who) in [
        (&[("server", "nginx/1.25.3"), ("via", "1.1 squid")][..], " (nginx/1.25.3 via 1.1 squid)"),
        (&[("via", "1.1 squid")], " (via 1.1 squid)"),
        (&[("server", "")], ""),
        (&[("server", "a\tsecret-key-0123456789")], " (a [redacted])"),
    ] {
        let message = refused(413, headers, "").created().result.unwrap_err().message;
        let words = format!("the API or the proxy at {who} accepts at most a smaller body");
        assert!(message.contains(&words), "{message}");
    }
    let long = "x".repeat(5_000);
    let message = refused(413, &[("server", &long)], "").created().result.unwrap_err().message;
    assert!(message.chars().count() < 250, "{message}");
}

/// A proxy answers as soon as it has read the length of the body, and discards the rest.
#[tokio::test]
async fn answer_during_the_upload_is_read() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        _ = socket.read(&mut [0; 1024]).await.unwrap();
        let answer = b"HTTP/1.1 413 Too Large\r\nserver: nginx\r\ncontent-length: 4\r\nconnection: close\r\n\r\n<htm";
        socket.write_all(answer).await.unwrap();
        while socket.read(&mut [0; 65536]).await.is_ok_and(|bytes| bytes > 0) {}
    });
    let request =
        CreateRequest { audio: AudioSource::File(vec![7; 4_500_000]), ..create_request() };
    let reply = client(&url).create(&request).await;
    let error = reply.result.unwrap_err();
    assert_eq!((error.class, error.never_left), (ErrorClass::TooLarge, false));
    let words = "at 127.0.0.1 (nginx) accepts at most a body smaller than 6.0 MB";
    assert!(error.message.contains(words), "{error}");
    assert_eq!(reply.answer.http_status, Some(413));
}

#[tokio::test]
async fn incomplete_answer_is_still_a_refusal() {
    let cut = Server::raw(b"HTTP/1.1 413 Too Large\r\ncontent-length: 90\r\n\r\n<html>").await;
    let request = CreateRequest { audio: AudioSource::Id("s".into()), ..create_request() };
    let error = client(&cut).create(&request).await.result.unwrap_err();
    assert_eq!(error.class, ErrorClass::TooLarge);
}

#[test]
fn method_and_length_are_refused_for_certain() {
    for http_status in [405, 411] {
        for body in ["", "<html>", r#"{"message": "no"}"#] {
            let error = refused(http_status, &[("server", "nginx")], body).created().result;
            let error = error.unwrap_err();
            assert_eq!((error.class, error.code), (ErrorClass::OtherRefusal, None), "{body}");
            assert!(!error.outcome_is_unknown());
            assert!(error.message.contains(&format!("HTTP {http_status}")), "{error}");
            assert!(error.message.contains("(nginx) accepts no such request"), "{error}");
        }
    }
}
