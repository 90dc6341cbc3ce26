//! By which names the page may be asked for. Another site can make its own name lead to this machine (DNS rebinding), and
//! would then read the page as its own.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::single;
use crate::web::site::Site;

pub(super) async fn require(
    State(site): State<Arc<Site>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(asked) = asked_host(request.headers(), request.uri()) else {
        return (StatusCode::MISDIRECTED_REQUEST, "the request needs one valid Host header\n")
            .into_response();
    };
    if is_own(&asked, &site.settings.config.web.hosts) {
        return next.run(request).await;
    }
    let why = format!(
        "{asked} is not a name of this page: add it to web.hosts in the configuration, and reload\n"
    );
    (StatusCode::MISDIRECTED_REQUEST, why).into_response()
}

/// Returns the host that a request asks, in lower case and without port: of its Host header, which must agree with its URL.
fn asked_host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let host: Authority = single(headers, &header::HOST)?.parse().ok()?;
    if host.as_str().contains('@') || uri.authority().is_some_and(|asked| *asked != host) {
        return None;
    }
    Some(host.host().to_ascii_lowercase())
}

fn is_own(host: &str, hosts: &[String]) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    is_loopback || host == "localhost" || hosts.iter().any(|own| own == host)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(hosts: &[&str], uri: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
        }
        asked_host(&headers, &uri.parse().unwrap())
    }

    #[test]
    fn a_request_asks_one_host() {
        assert_eq!(asked(&["LocalHost:8470"], "/"), Some("localhost".to_owned()));
        assert_eq!(asked(&["[::1]:8470"], "/"), Some("[::1]".to_owned()));
        assert_eq!(asked(&["a.b"], "http://a.b/x"), Some("a.b".to_owned()));
        for (hosts, uri) in [
            (&[][..], "/"),
            (&["localhost", "evil.example"][..], "/"),
            (&["localhost"][..], "http://evil.example/"),
            (&["evil.example@localhost"][..], "/"),
            (&["local host"][..], "/"),
            (&[""][..], "/"),
        ] {
            assert_eq!(asked(hosts, uri), None, "{hosts:?} {uri}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_own() {
        let hosts = ["dubs.example.com".to_owned(), "192.0.2.1".to_owned()];
        for own in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "dubs.example.com", "192.0.2.1"]
        {
            assert!(is_own(own, &hosts), "{own}");
        }
        for other in ["evil.example", "localhost.evil.example", "192.0.2.2", "[::2]", "0.0.0.0", ""]
        {
            assert!(!is_own(other, &hosts), "{other}");
        }
    }
}
