//! The client against a scripted local server: its requests, and how it reads the answers.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, Response, StatusCode},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::{
    Api, AudioSource, Client, ClientConfig, CreateRequest, Credential, ErrorClass, VideoRef,
};

mod answers;
mod bytes;
mod downloads;
mod failures;
mod lookups;
mod odd_answers;
mod oversize;
mod tokens;
mod uploads;

const ACCESS_KEY: &str = "access-key-0123456789";
const SECRET_KEY: &str = "secret-key-0123456789";

/// A request that the server received.
#[derive(Debug, Clone)]
struct Seen {
    method: String,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A server that answers by a script, and records the requests.
struct Server {
    url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// `script` gets the number of the request, from 0, and the request.
    async fn start<F>(script: impl Fn(usize, Seen) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let kept = seen.clone();
        let app = Router::new().fallback(move |request: Request| {
            let (script, kept) = (script.clone(), kept.clone());
            async move {
                let (head, body) = request.into_parts();
                let one = Seen {
                    method: head.method.to_string(),
                    target: head.uri.to_string(),
                    headers: head.headers,
                    body: to_bytes(body, usize::MAX).await.unwrap(),
                };
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(one.clone());
                    kept.len() - 1
                };
                script(number, one).await
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, seen }
    }

    /// A server that always gives the same answer.
    async fn saying(status: u16, body: impl Into<String>) -> Self {
        let body = body.into();
        Self::start(move |_, _| {
            let body = body.clone();
            async move { answer(status, body) }
        })
        .await
    }

    /// Answers each connection with these bytes, and closes it.
    async fn raw(bytes: &'static [u8]) -> Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.read(&mut [0; 65536]).await;
                socket.write_all(bytes).await.unwrap();
            }
        });
        url
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn answer(status: u16, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// A fixed clock for all tests; the tests of tokens use the server's Date.
static NOW_MS: AtomicI64 = AtomicI64::new(1_700_000_000_000);

fn config(base_url: &Url) -> ClientConfig {
    ClientConfig {
        base_url: base_url.clone(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(30),
        allow_hosts: Vec::new(),
        idle_timeout: Duration::from_secs(30),
        now_ms: || NOW_MS.load(Ordering::Relaxed),
    }
}

fn credential() -> Credential {
    Credential::Keys { access_key: ACCESS_KEY.into(), secret_key: SECRET_KEY.to_owned().into() }
}

fn client(base_url: &Url) -> Client {
    Client::new(config(base_url), credential()).unwrap()
}

fn video() -> VideoRef {
    VideoRef::Url("https://cdn.example.com/a.mp4".into())
}

fn create_request() -> CreateRequest {
    CreateRequest {
        session_id: "s".into(),
        face_id: "0".into(),
        audio: AudioSource::File(vec![7; 100_000]),
        sound_start_ms: 0,
        sound_end_ms: 3000,
        sound_insert_ms: 0,
        sound_volume: 1.0,
        original_audio_volume: 1.0,
        watermark: false,
        external_task_id: Some("mine".into()),
        callback_url: None,
    }
}
