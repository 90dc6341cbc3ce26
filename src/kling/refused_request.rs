//! Refusals of a request by the HTTP status alone, from the API or from a proxy before it.

use reqwest::header::{HeaderMap, HeaderName, SERVER, VIA};

use super::{
    error::ApiError,
    error_class::{ErrorClass, is_oversize, refuses_request},
    redact::{EXCERPT_CHARS, Redactor},
    reply::ApiAnswer,
    upload::size,
};

/// What was sent, for error messages.
#[derive(Debug, Default)]
pub(super) struct SentRequest {
    /// The host of `kling.base_url`.
    pub(super) host: String,
    pub(super) body_bytes: usize,
}

/// Returns the refusal that the status means, whatever the body says; none for other statuses.
///
/// Proxies refuse large bodies with pages and JSON of their own. Unlike other pages of proxies these count as refusals:
/// the status says that the request was not processed, and the same request would be refused again.
pub(super) fn refused_request(
    answer: &ApiAnswer,
    headers: &HeaderMap,
    sent: &SentRequest,
    redactor: &Redactor,
) -> Option<ApiError> {
    let http_status = answer.http_status.filter(|status| refuses_request(*status))?;
    let class = match is_oversize(http_status) {
        true => ErrorClass::TooLarge,
        false => ErrorClass::OtherRefusal,
    };
    let code = answer.code.map(|code| format!(", code {code}")).unwrap_or_default();
    let (what, who) = (summary(http_status), server(headers, sent, redactor));
    let limit = limit(http_status, sent.body_bytes);
    Some(ApiError {
        code: answer.code,
        request_id: answer.request_id.clone(),
        ..ApiError::local(class, format!("{what} (HTTP {http_status}{code}): {who} {limit}"), false)
    })
}

fn summary(http_status: u16) -> &'static str {
    match is_oversize(http_status) {
        true => ErrorClass::TooLarge.summary(),
        false => "the request was refused",
    }
}

/// Returns what the server accepts, and what to do.
fn limit(http_status: u16, body_bytes: usize) -> String {
    match http_status {
        414 => "accepts at most a shorter address; check kling.base_url".to_owned(),
        431 => {
            "accepts at most shorter headers; check the credentials, or raise its limit".to_owned()
        }
        405 | 411 => "accepts no such request; check kling.base_url".to_owned(),
        _ if body_bytes > 0 => {
            let size = size(body_bytes);
            format!(
                "accepts at most a body smaller than {size}; use a smaller audio file, or raise its limit"
            )
        }
        _ => "accepts at most a smaller body; use a smaller audio file, or raise its limit"
            .to_owned(),
    }
}

/// Names who answered: the host, and what the headers say.
fn server(headers: &HeaderMap, sent: &SentRequest, redactor: &Redactor) -> String {
    let named = |name: HeaderName| {
        let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned();
        Some(redactor.line(&value, EXCERPT_CHARS)).filter(|words| !words.is_empty())
    };
    let software = match (named(SERVER), named(VIA)) {
        (Some(server), Some(via)) => format!(" ({server} via {via})"),
        (Some(server), None) => format!(" ({server})"),
        (None, Some(via)) => format!(" (via {via})"),
        (None, None) => String::new(),
    };
    format!("the API or the proxy at {}{software}", sent.host)
}
