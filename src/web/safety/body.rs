//! Forms are small, and arrive soon.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::time::timeout;

/// The largest form: a selection of jobs by their keys.
const BYTES_MAX: usize = 256 << 10;
const TIME_MAX: Duration = Duration::from_secs(10);

/// Reads the complete body before anything is done.
pub(super) async fn bound(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match timeout(TIME_MAX, to_bytes(body, BYTES_MAX)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        Ok(Err(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "the form is too large, or not complete\n")
            .into_response(),
        Err(_) => {
            (StatusCode::REQUEST_TIMEOUT, "the form did not arrive in time\n").into_response()
        }
    }
}
