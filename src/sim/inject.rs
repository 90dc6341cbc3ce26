//! Injects faults into responses, of the API and of downloads.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{connection::ConnectionCutter, faults::Fault};

/// The largest answer that a patch, or a cut without a number, is applied to.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Changes a response by a fault. A fault with a code has been answered by the rules.
pub(super) async fn inject(
    fault: Fault,
    healthy: Response,
    scissors: &ConnectionCutter,
) -> Response {
    match fault {
        Fault::Code { .. } => healthy,
        Fault::LoseAnswer | Fault::DropRequest | Fault::DeliverLate { .. } => {
            scissors.cut();
            healthy
        }
        Fault::CutBody { after_bytes } => {
            let cut_at = after_bytes.unwrap_or_else(|| announced(&healthy) / 2);
            ending_at(healthy, cut_at, true)
        }
        Fault::WrongLength { bytes } => {
            let whole = announced(&healthy);
            let bytes = bytes.unwrap_or(whole / 2).min(whole);
            let mut short = ending_at(healthy, bytes, false);
            short.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
            short
        }
        Fault::Html { status } => page(of(status)),
        Fault::TooLarge { status, html: true } => page(of(status)),
        Fault::TooLarge { status, html: false } => {
            (of(status), axum::Json(json!({"message": "request entity too large"}))).into_response()
        }
        Fault::Status { status } => of(status).into_response(),
        Fault::Hang { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            healthy
        }
        Fault::HugeBody { bytes } => huge(bytes),
        Fault::Body { status, content_type, text } => {
            (of(status), [(header::CONTENT_TYPE, content_type)], text).into_response()
        }
        Fault::Patch { with } => patched(healthy, &with).await,
        Fault::Redirect { to } => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Fault::Trailing { text } => trailing(healthy, text.into()),
        Fault::Plain => plain(healthy),
        // The request decided it.
        Fault::WantsReferer => healthy,
        Fault::NotAVideo => {
            ([(header::CONTENT_TYPE, "video/mp4")], html(StatusCode::BAD_GATEWAY)).into_response()
        }
    }
}

/// The page of a proxy.
pub(super) fn page(status: StatusCode) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html")], html(status)).into_response()
}

fn html(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    format!(
        "<!DOCTYPE html><html><head><title>{} {reason}</title></head>\
         <body><h1>{reason}</h1></body></html>\n",
        status.as_u16()
    )
}

pub(super) fn of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn announced(response: &Response) -> u64 {
    let length = response.headers().get(header::CONTENT_LENGTH);
    length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or_default()
}

/// Ends the body of the response after `bytes`: with an error, which makes the server close the connection, or like a
/// complete body.
fn ending_at(response: Response, bytes: u64, with_error: bool) -> Response {
    let (parts, body) = response.into_parts();
    let left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let begin = stream::unfold((body.into_data_stream(), left), |(mut body, left)| async move {
        if left == 0 {
            return None;
        }
        let next = body.next().await?.map(|data: Bytes| data.slice(..data.len().min(left)));
        let sent = next.as_ref().map_or(left, Bytes::len);
        Some((next.map_err(io::Error::other), (body, left - sent)))
    });
    let end = stream::once(async {
        // Gives the server time to write the bytes before the error.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(io::ErrorKind::ConnectionAborted.into())
    });
    let body =
        if with_error { Body::from_stream(begin.chain(end)) } else { Body::from_stream(begin) };
    Response::from_parts(parts, body)
}

fn trailing(response: Response, extra: Bytes) -> Response {
    let length = announced(&response) + extra.len() as u64;
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let all = body.into_data_stream().chain(stream::once(async { Ok(extra) }));
    Response::from_parts(parts, Body::from_stream(all))
}

/// Removes what lets a client continue a download, or check its length.
fn plain(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    for name in [header::CONTENT_LENGTH, header::ETAG, header::ACCEPT_RANGES] {
        parts.headers.remove(name);
    }
    // Without its size, so that the server sends chunks.
    Response::from_parts(parts, Body::from_stream(body.into_data_stream()))
}

fn huge(bytes: u64) -> Response {
    let begin = Bytes::from_static(b"{\"code\": 0, \"message\": \"");
    let filling = Bytes::from(vec![b'a'; 64 * 1024]);
    let left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let body = stream::unfold((Some(begin), left), move |(begin, left)| {
        let next = begin.unwrap_or_else(|| filling.clone());
        let next = next.slice(..next.len().min(left));
        let left = left - next.len();
        std::future::ready((!next.is_empty()).then(|| (Ok::<_, io::Error>(next), (None, left))))
    });
    let kind = (header::CONTENT_TYPE, "application/json");
    ([kind], Body::from_stream(body)).into_response()
}

async fn patched(response: Response, patch: &Value) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
    let mut answer = serde_json::from_slice(&bytes).unwrap_or_default();
    merge(&mut answer, patch);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(answer.to_string()))
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    for (name, change) in patch {
        if !change.is_null() {
            merge(&mut target[name.as_str()], change);
        } else if let Some(object) = target.as_object_mut() {
            object.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patch_changes_adds_and_removes() {
        let mut answer = json!({"code": 0, "data": {"task_id": "1", "task_status": "succeed"}});
        merge(&mut answer, &json!({"code": "0", "data": {"task_id": null, "new": {"a": 1}}}));
        let want = json!({"code": "0", "data": {"task_status": "succeed", "new": {"a": 1}}});
        assert_eq!(answer, want);
        merge(&mut answer, &json!({"data": [1]}));
        assert_eq!(answer["data"], json!([1]));
    }
}
