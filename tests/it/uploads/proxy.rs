//! A proxy before the S3 server, which fails as networks and storages do.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;

use super::server::{ACCESS_KEY, SECRET_KEY};
use crate::support::daemon::TestEnv;

/// What happens to requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Forward,
    /// A video is taken up to this many bytes, and then nothing happens any more.
    HangAfter(usize),
    /// The same for every other video.
    HangEveryOtherPut(usize),
    /// Every third write is answered with this status and XML code.
    FailEveryThirdPut(u16, &'static str),
    /// Each write is answered with this status and XML code.
    FailPuts(u16, &'static str),
    /// A read of a complete object, as Kling makes it, is answered with 403.
    RefuseDownloads,
    /// Such a read is passed on so many milliseconds later.
    DelayDownloads(u64),
    /// Each request is answered with this status and XML code.
    Refuse(u16, &'static str),
    /// The same, by a storage whose clock is so many minutes ahead.
    ClockAhead(i64),
    /// Each request is answered with an error that repeats the request and both keys.
    Repeat,
    /// Each request is sent to another server, at this port.
    Redirect(u16),
    /// Each request is answered with an error without an end.
    Endless,
    /// No object is there, and the connection breaks in the middle of each longer answer.
    Break,
    /// No request is answered.
    Silent,
    /// Each object has so many bytes, whatever was written.
    Length(u64),
}

pub struct Proxy {
    pub endpoint: String,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    http: reqwest::Client,
    mode: Mutex<Mode>,
    puts: AtomicUsize,
    hung: AtomicUsize,
}

impl Proxy {
    pub fn start(test_env: &TestEnv, upstream: &str, mode: Mode) -> Self {
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let upstream = upstream.to_owned();
        let shared = Arc::new(Shared {
            upstream,
            http,
            mode: Mutex::new(mode),
            puts: AtomicUsize::default(),
            hung: AtomicUsize::default(),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        test_env.spawn_on_runtime(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        Self { endpoint, shared }
    }

    pub fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// How many writes hang in the middle.
    pub fn hung(&self) -> usize {
        self.shared.hung.load(Ordering::Acquire)
    }

    /// How many writes began.
    pub fn puts(&self) -> usize {
        self.shared.puts.load(Ordering::Acquire)
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let mode = *shared.mode.lock().unwrap();
    let (parts, body) = request.into_parts();
    let is_put = parts.method == Method::PUT;
    let nth = if is_put { shared.puts.fetch_add(1, Ordering::AcqRel) + 1 } else { 0 };
    let hangs_after = match mode {
        Mode::HangAfter(bytes) => Some(bytes).filter(|_| is_put),
        Mode::HangEveryOtherPut(bytes) => Some(bytes).filter(|_| is_put && nth.is_multiple_of(2)),
        _ => None,
    };
    if mode == Mode::Silent {
        return std::future::pending().await;
    }
    if let Some(bytes) = hangs_after {
        take(body, bytes).await;
        shared.hung.fetch_add(1, Ordering::AcqRel);
        return std::future::pending().await;
    }
    let fails = match mode {
        Mode::FailEveryThirdPut(status, code) if is_put && nth.is_multiple_of(3) => {
            Some((status, code))
        }
        Mode::FailPuts(status, code) if is_put => Some((status, code)),
        Mode::RefuseDownloads
            if parts.method == Method::GET && !parts.headers.contains_key(header::RANGE) =>
        {
            Some((403, "AccessDenied"))
        }
        _ => None,
    };
    if let Mode::DelayDownloads(ms) = mode
        && parts.method == Method::GET
        && !parts.headers.contains_key(header::RANGE)
    {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if let Some((status, code)) = fails {
        return refusal(status, code, "as the test wants");
    }
    if let Some(answer) = answer_of(mode, &parts) {
        return answer;
    }
    forward(&shared, parts, body).await
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let xml = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (StatusCode::from_u16(status).unwrap(), xml).into_response()
}

/// What a storage answers that the real one has no part in.
fn answer_of(mode: Mode, parts: &Parts) -> Option<Response> {
    Some(match mode {
        Mode::Refuse(status, code) => refusal(status, code, "as the test wants"),
        Mode::ClockAhead(minutes) => {
            let now = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
            let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
            let refusal = refusal(403, "RequestTimeTooSkewed", "the difference is too large");
            ([(header::DATE, date.unwrap())], refusal).into_response()
        }
        Mode::Repeat => {
            let uri = parts.uri.to_string().replace('&', "&amp;");
            let more = format!("{uri} by {ACCESS_KEY}, {SECRET_KEY}; StringToSign {}", parts.uri);
            refusal(403, "AccessDenied", &more)
        }
        Mode::Redirect(port) => {
            let url = format!("http://127.0.0.1:{port}{}", parts.uri);
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, url)]).into_response()
        }
        Mode::Endless => {
            let block = Bytes::from_static(&[b'<'; 64 << 10]);
            let blocks = futures_util::stream::repeat(Ok::<_, std::convert::Infallible>(block));
            (StatusCode::FORBIDDEN, Body::from_stream(blocks)).into_response()
        }
        Mode::Break if parts.method == Method::HEAD => StatusCode::NOT_FOUND.into_response(),
        Mode::Break => {
            let broken =
                futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("broken"))]);
            ([(header::CONTENT_LENGTH, 100)], Body::from_stream(broken)).into_response()
        }
        Mode::Length(bytes) if parts.method == Method::HEAD => {
            ([(header::CONTENT_LENGTH, bytes)], ()).into_response()
        }
        _ => return None,
    })
}

async fn take(body: Body, bytes: usize) {
    let (mut taken, mut stream) = (0, body.into_data_stream());
    while taken < bytes
        && let Some(Ok(chunk)) = stream.next().await
    {
        taken += chunk.len();
    }
    // Kept, so that the connection stays open.
    std::mem::forget(stream);
}

async fn forward(shared: &Shared, parts: Parts, body: Bytes) -> Response {
    let url = format!("{}{}", shared.upstream, parts.uri);
    // The headers contain the host, which is signed.
    let request = shared.http.request(parts.method, url).headers(parts.headers).body(body);
    let Ok(response) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.unwrap_or_default();
    (status, headers, body).into_response()
}
