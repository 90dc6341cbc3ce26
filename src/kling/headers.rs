//! Times in HTTP headers.

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// Reads Retry-After: seconds, or a time of the server's clock.
pub(super) fn retry_after_ms(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse::<u32>() {
        Ok(seconds) => Some(i64::from(seconds) * 1000),
        Err(_) => Some((date_ms(headers, RETRY_AFTER)? - date_ms(headers, DATE)?).max(0)),
    }
}

pub(super) fn date_ms(headers: &HeaderMap, name: HeaderName) -> Option<i64> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let text = headers.get(name)?.to_str().ok()?;
    PARSER.parse_timestamp(text).ok().map(|time| time.as_millisecond())
}
