//! What changes something comes from a page of this site. Browsers say where a request comes from.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{is_safe, single};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Set by reverse proxies. Another site cannot set it without asking first, which is refused.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

pub(super) async fn require(request: Request, next: Next) -> Response {
    if is_safe(request.method()) || is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    let why = "only pages of this site can change something: open the page and use its buttons\n";
    (StatusCode::FORBIDDEN, why).into_response()
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    if headers.contains_key(SEC_FETCH_SITE) {
        return single(headers, &SEC_FETCH_SITE) == Some("same-origin");
    }
    // Browsers that do not send it: all over plain http to another machine, and old ones.
    let scheme = match headers.contains_key(FORWARDED_PROTO) {
        true => single(headers, &FORWARDED_PROTO),
        false => Some("http"),
    };
    let (origin, host) = (single(headers, &header::ORIGIN), single(headers, &header::HOST));
    let (Some(scheme), Some(origin), Some(host)) = (scheme, origin, host) else { return false };
    origin.split_once("://").is_some_and(|(of, at)| of == scheme && at.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_same_origin_may_change_something() {
        let allows = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("127.0.0.1:8470"));
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_static(value));
            }
            is_same_origin(&headers)
        };
        let (site, origin) = ("sec-fetch-site", "origin");
        assert!(allows(&[(site, "same-origin")]));
        assert!(allows(&[(origin, "http://127.0.0.1:8470")]));
        assert!(allows(&[(origin, "https://127.0.0.1:8470"), ("x-forwarded-proto", "https")]));
        for refused in [
            &[][..],
            &[(site, "cross-site")],
            &[(site, "same-site")],
            &[(site, "none")],
            &[(site, "")],
            &[(site, "same-origin"), (site, "cross-site")],
            &[(site, "cross-site"), (origin, "http://127.0.0.1:8470")],
            &[(origin, "null")],
            &[(origin, "http://evil.example")],
            &[(origin, "http://127.0.0.1:9999")],
            &[(origin, "http://127.0.0.1")],
            &[(origin, "https://127.0.0.1:8470")],
            &[(origin, "http://127.0.0.1:8470.evil.example")],
            &[(origin, "http://127.0.0.1:8470"), (origin, "http://evil.example")],
            &[("referer", "http://127.0.0.1:8470/")],
        ] {
            assert!(!allows(refused), "{refused:?}");
        }
    }
}
