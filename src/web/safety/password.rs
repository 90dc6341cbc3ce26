//! With `web.password_file`, every page needs a session.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{LOGIN, is_safe};
use crate::web::site::Site;

/// The cookie of a session.
pub(in crate::web) const COOKIE: &str = "lipsyncd_session";

pub(super) async fn require(
    State(site): State<Arc<Site>>,
    request: Request,
    next: Next,
) -> Response {
    if may_pass(&site, &request) {
        return next.run(request).await;
    }
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if is_safe(request.method()) && accepts.is_some_and(|types| types.contains("text/html")) {
        let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
        let asked = utf8_percent_encode(asked, NON_ALPHANUMERIC);
        return Redirect::to(&format!("{LOGIN}?next={asked}")).into_response();
    }
    (StatusCode::UNAUTHORIZED, "log in first: open /login in a browser\n").into_response()
}

fn may_pass(site: &Site, request: &Request) -> bool {
    let path = request.uri().path();
    let is_known = || cookie(request.headers()).is_some_and(|value| site.sessions.has(value));
    let is_open = path == LOGIN || path.starts_with("/assets/");
    site.settings.password.is_none() || is_open || is_known()
}

/// Returns the value of the session's cookie.
pub(in crate::web) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == COOKIE).map(|(_, value)| value.trim())
}
