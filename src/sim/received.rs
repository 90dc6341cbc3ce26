//! HTTP requests and responses: headers and bodies, without calls and rules.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::{ConnectInfo, FromRequest, Request},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

use super::{
    connection::ConnectionCutter,
    media_facts::ReadMedia,
    response::{Refusal, SimResponse, usual_message},
    shared::Shared,
};

/// Size limit of a body: more than 5 MB of audio in Base64, so that larger audio gets a proper refusal.
pub(super) const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A request with its body, and what cuts its connection.
pub(super) struct ReceivedRequest {
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) scissors: ConnectionCutter,
    /// None: too large, or incomplete.
    pub(super) body: Option<Bytes>,
}

impl FromRequest<Arc<Shared>> for ReceivedRequest {
    type Rejection = Infallible;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Infallible> {
        let (mut parts, body) = request.into_parts();
        let most = shared.sim().config().stalled_upload_bytes;
        if most.is_some_and(|most| body.size_hint().lower() > most) {
            shared.stop.cancelled().await;
        }
        let connection = parts.extensions.remove::<ConnectInfo<ConnectionCutter>>();
        let scissors = connection.map(|ConnectInfo(scissors)| scissors).unwrap_or_default();
        let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.ok();
        Ok(Self { uri: parts.uri, headers: parts.headers, scissors, body })
    }
}

impl ReceivedRequest {
    pub(super) fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        let header = self.headers.get(header::AUTHORIZATION)?;
        // A header that is not text counts as an invalid one.
        Some(header.to_str().unwrap_or("Bearer ?"))
    }

    /// The body of a POST; its header must say JSON.
    fn json(&self) -> Result<Bytes, Refusal> {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("application/json") {
            return Err(Refusal::new(1200, "Content-Type must be application/json"));
        }
        self.body.clone().ok_or_else(|| Refusal::new(1200, "the body is too large"))
    }
}

/// Reads a body and its media on a thread that may block.
pub(super) async fn off_thread<T: Send + 'static>(
    shared: &Arc<Shared>,
    asked: &ReceivedRequest,
    read: fn(&[u8], &str, &dyn ReadMedia) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let (body, shared) = (asked.json()?, Arc::clone(shared));
    let read = move || read(&body, &shared.base_url, &shared.folder);
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|_| Err(Refusal::new(5000, usual_message(5000))))
}

/// An answer in HTTP; `status` instead of its own.
pub(super) fn in_http(answer: &SimResponse, status: Option<u16>, now_ms: i64) -> Response {
    let body = answer.body.to_string();
    let length = body.len();
    let mut response = Response::new(Body::from(body));
    let status = StatusCode::from_u16(status.unwrap_or(answer.http_status));
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.extend(date(now_ms).map(|date| (header::DATE, date)));
    headers.extend(answer.retry_after_s.map(|s| (header::RETRY_AFTER, HeaderValue::from(s))));
    response
}

/// The simulator's time, which may be ahead of the machine's.
fn date(now_ms: i64) -> Option<HeaderValue> {
    let now = Timestamp::from_millisecond(now_ms).ok()?;
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok()?;
    HeaderValue::try_from(text).ok()
}
