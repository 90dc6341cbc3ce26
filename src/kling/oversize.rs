//! Refusals because of the request's size: 413, 414 and 431, by the API or by a proxy before the API.
//!
//! Proxies refuse large bodies with pages and JSON of their own. Unlike other pages of proxies these count as
//! refusals: the status says that the request was not processed, and the same request would be refused again.

use reqwest::header::{HeaderMap, HeaderName, SERVER, VIA};

use super::{
    error::ApiError,
    error_class::ErrorClass,
    headers::retry_after_ms,
    redact::{EXCERPT_CHARS, Redactor},
    reply::ApiAnswer,
};

/// Returns the refusal, with the name of the server if a header has it.
pub(super) fn refusal(answer: &ApiAnswer, headers: &HeaderMap, redactor: &Redactor) -> ApiError {
    let named = |name: HeaderName| {
        let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned();
        Some(redactor.line(&value, EXCERPT_CHARS)).filter(|words| !words.is_empty())
    };
    let who = match (named(SERVER), named(VIA)) {
        (Some(server), Some(via)) => format!("{server} via {via}"),
        (Some(server), None) => server,
        (None, Some(via)) => format!("the API or a proxy before it, via {via}"),
        (None, None) => "the API or a proxy before it".to_owned(),
    };
    let http_status = answer.http_status.unwrap_or_default();
    let code = answer.code.map(|code| format!(", code {code}")).unwrap_or_default();
    let summary = ErrorClass::TooLarge.summary();
    let message = format!(
        "{summary} (HTTP {http_status}{code}, answered by {who}); use a smaller audio file or a \
         shorter URL, or raise the proxy's size limit"
    );
    ApiError {
        code: answer.code,
        request_id: answer.request_id.clone(),
        retry_after_ms: retry_after_ms(headers),
        ..ApiError::local(ErrorClass::TooLarge, message, false)
    }
}
