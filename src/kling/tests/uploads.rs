//! Bodies that the network does not carry to their end.

use super::*;
use crate::kling::{ApiError, AudioSource, Reply, upload::Upload};

/// A server that reads the beginning of a request, and then waits or closes the connection.
async fn sent_to_one_that_reads_little(then_closes: bool) -> ApiError {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        _ = socket.read(&mut [0; 1024]).await.unwrap();
        if !then_closes {
            std::future::pending::<()>().await;
        }
    });
    let config = ClientConfig { request_timeout: Duration::from_millis(400), ..config(&url) };
    let client = Client::new(config, credential()).unwrap();
    let audio = AudioSource::File(vec![7; 15_000_000]);
    let Reply { result, .. } = client.create(&CreateRequest { audio, ..create_request() }).await;
    result.unwrap_err()
}

#[tokio::test]
async fn body_that_is_not_sent_in_time_is_said_so_and_created_nothing() {
    let error = sent_to_one_that_reads_little(false).await;
    assert_eq!(
        error.message,
        "the request body of 20.0 MB was not sent within kling.request_timeout (0.4s); raise it, \
         or use a smaller audio file"
    );
    assert!(error.never_left && !error.outcome_is_unknown());
}

/// The machine or the daemon was stopped: the audio file is not the reason.
#[test]
fn small_body_that_is_not_sent_in_time_names_no_audio_file() {
    let error = ApiError {
        class: ErrorClass::Transport,
        code: None,
        message: "timeout".to_owned(),
        request_id: None,
        retry_after_ms: None,
        never_left: false,
    };
    let error = Upload::new(63).explain(error, true, Duration::from_secs(60));
    assert_eq!(
        error.message,
        "the request body of 63 bytes was not sent within kling.request_timeout (60s)"
    );
    assert!(error.never_left);
}

#[tokio::test]
async fn connection_that_breaks_during_the_body_created_nothing() {
    let error = sent_to_one_that_reads_little(true).await;
    let words =
        "the request body of 20.0 MB was not sent to its end: the connection to 127.0.0.1 broke";
    assert!(error.message.starts_with(words), "{error}");
    assert!(error.never_left && !error.outcome_is_unknown());
}

/// All of it was taken: nobody knows whether it arrived.
#[tokio::test]
async fn body_that_was_taken_to_its_end_leaves_the_outcome_open() {
    let broken = Server::raw(b"").await;
    let error = client(&broken).create(&create_request()).await.result.unwrap_err();
    assert!(error.outcome_is_unknown(), "{error}");
}

#[tokio::test]
async fn body_has_its_length_and_comes_complete() {
    let server = Server::saying(200, "{}").await;
    let audio = AudioSource::File(vec![7; 300_001]);
    let request = CreateRequest { audio, ..create_request() };
    _ = client(&server.url).create(&request).await;
    let [seen] = &server.seen()[..] else { panic!("one request") };
    let body = request.body().unwrap();
    assert_eq!(seen.headers["content-length"], body.len().to_string().as_str());
    assert!(!seen.headers.contains_key("transfer-encoding"));
    assert_eq!(seen.body, body);
}
