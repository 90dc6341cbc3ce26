//! From an HTTP answer to its `data`: a bounded read, the envelope, and answers that are not the API's.
//!
//! Only an answer whose body is the API's JSON, with a `code`, is an answer of the API. Anything else is a transport
//! failure, also a proxy's 401 or 403 page: it never counts as a refusal of a create request. The exceptions are the
//! statuses of `refused_request`.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::{
    Response,
    header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER},
};
use serde_json::Value;
use url::Url;

use super::{
    error::ApiError,
    error_class::ErrorClass,
    redact::{EXCERPT_CHARS, Redactor},
    refused_request::{SentRequest, refused_request},
    reply::{ApiAnswer, Reply},
    transport,
    wire::{as_integer, as_text},
};

/// Limits for reading one answer.
pub(super) struct ReadLimits {
    pub(super) max_bytes: usize,
    /// Only for error messages; the request has its own.
    pub(super) timeout: Duration,
    pub(super) sent: SentRequest,
}

/// Reads a complete answer; returns its `data`, none where the field is missing.
pub(super) async fn read(
    mut response: Response,
    bounds: &ReadLimits,
    redactor: &Redactor,
) -> Reply<Option<Value>> {
    let http_status = response.status().as_u16();
    let answer = ApiAnswer {
        http_status: Some(http_status),
        server_at_ms: date_ms(response.headers(), DATE),
        ..ApiAnswer::default()
    };
    if response.status().is_redirection() {
        let error = redirect(&response);
        return Reply { answer, result: Err(error) };
    }
    match complete_body(&mut response, bounds, redactor).await {
        Ok(body) => envelope(answer, response.headers(), &body, &bounds.sent, redactor),
        // The status alone is a refusal, even if the rest of the answer was lost.
        Err(error) => {
            let refusal = refused_request(&answer, response.headers(), &bounds.sent, redactor);
            Reply { answer, result: Err(refusal.unwrap_or(error)) }
        }
    }
}

async fn complete_body(
    response: &mut Response,
    bounds: &ReadLimits,
    redactor: &Redactor,
) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > bounds.max_bytes => {
                let (status, most) = (response.status().as_u16(), bounds.max_bytes);
                let message = format!("the answer (HTTP {status}) is longer than {most} bytes");
                return Err(ApiError::local(ErrorClass::Transport, message, false));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => {
                let host = response.url().host_str().unwrap_or_default();
                let failure = transport::failure(&error, host, bounds.timeout, redactor);
                return Err(ApiError { never_left: false, ..failure });
            }
        }
    }
}

pub(super) fn envelope(
    mut answer: ApiAnswer,
    headers: &HeaderMap,
    body: &[u8],
    sent: &SentRequest,
    redactor: &Redactor,
) -> Reply<Option<Value>> {
    let http_status = answer.http_status.unwrap_or_default();
    let parsed = serde_json::from_slice::<Value>(body).ok();
    let Some((code, mut fields)) = parsed.and_then(|fields| Some((code(&fields)?, fields))) else {
        let error = refused_request(&answer, headers, sent, redactor)
            .unwrap_or_else(|| not_the_apis(http_status, headers, body, redactor));
        return Reply { answer, result: Err(error) };
    };
    redactor.clean(&mut fields);
    answer.code = Some(code);
    answer.message = fields.get_mut("message").and_then(|text| as_text(text.take()));
    answer.request_id = fields.get_mut("request_id").and_then(|id| as_text(id.take()));
    let success = (200..300).contains(&http_status);
    let result = match code {
        0 if success => Ok(fields.get_mut("data").map(Value::take)),
        0 => Err(contradiction(http_status, headers)),
        _ => Err(match ErrorClass::of(code, http_status) {
            ErrorClass::TooLarge => refused_request(&answer, headers, sent, redactor),
            _ => None,
        }
        .unwrap_or_else(|| {
            ApiError::refusal(
                code,
                http_status,
                answer.message.as_deref(),
                answer.request_id.as_deref(),
                retry_after_ms(headers),
            )
        })),
    };
    Reply { answer, result }
}

fn code(envelope: &Value) -> Option<i64> {
    as_integer(envelope.as_object()?.get("code")?)
}

/// An answer that says both success and failure is not believed.
fn contradiction(http_status: u16, headers: &HeaderMap) -> ApiError {
    let message =
        format!("the answer contradicts itself: code 0 (success), but HTTP {http_status}");
    ApiError {
        retry_after_ms: retry_after_ms(headers),
        ..ApiError::local(ErrorClass::Transport, message, false)
    }
}

fn not_the_apis(
    http_status: u16,
    headers: &HeaderMap,
    body: &[u8],
    redactor: &Redactor,
) -> ApiError {
    let content_type = headers
        .get(CONTENT_TYPE)
        .map(|value| redactor.line(&String::from_utf8_lossy(value.as_bytes()), EXCERPT_CHARS))
        .unwrap_or_else(|| "no content type".into());
    let start = &body[..body.len().min(4096)];
    let excerpt = redactor.line(&String::from_utf8_lossy(start), EXCERPT_CHARS);
    let message = match excerpt.as_str() {
        "" => format!("the answer is not from the API: HTTP {http_status}, empty"),
        words => {
            format!("the answer is not from the API: HTTP {http_status}, {content_type}, “{words}”")
        }
    };
    ApiError {
        retry_after_ms: retry_after_ms(headers),
        ..ApiError::local(ErrorClass::Transport, message, false)
    }
}

fn redirect(response: &Response) -> ApiError {
    let target = response
        .headers()
        .get(LOCATION)
        .and_then(|location| response.url().join(location.to_str().ok()?).ok())
        .as_ref()
        .and_then(Url::host_str)
        .map(|host| format!(" to {host}"))
        .unwrap_or_default();
    let status = response.status().as_u16();
    let message = format!(
        "the API redirects{target} (HTTP {status}), which is not followed; check kling.base_url"
    );
    ApiError::local(ErrorClass::Transport, message, false)
}

/// Reads Retry-After: seconds, or a time of the server's clock.
pub(super) fn retry_after_ms(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    // A number that is too large asks for a long time, too.
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Some(i64::from(text.parse().unwrap_or(u32::MAX)) * 1000),
        false => Some((date_ms(headers, RETRY_AFTER)? - date_ms(headers, DATE)?).max(0)),
    }
}

fn date_ms(headers: &HeaderMap, name: HeaderName) -> Option<i64> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let text = headers.get(name)?.to_str().ok()?;
    PARSER.parse_timestamp(text).ok().map(|time| time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_a_number_of_any_size_or_a_time() {
        let date = "Sun, 29 Nov 2026 05:00:00 GMT";
        for (text, asked_ms) in [
            ("0", Some(0)),
            ("600", Some(600_000)),
            ("99999999999", Some(i64::from(u32::MAX) * 1000)),
            ("99999999999999999999999", Some(i64::from(u32::MAX) * 1000)),
            ("Sun, 29 Nov 2026 05:01:00 GMT", Some(60_000)),
            ("Sun, 29 Nov 2026 04:00:00 GMT", Some(0)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let headers = [(RETRY_AFTER, text), (DATE, date)];
            let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
            assert_eq!(retry_after_ms(&HeaderMap::from_iter(headers)), asked_ms, "{text}");
        }
    }
}
