//! What keeps other sites, other names and guessers out. Each layer refuses before the layers and routes after it.

mod body;
mod headers;
mod host;
mod origin;
mod password;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
};

use super::site::Site;

pub(super) use password::{COOKIE, cookie};

/// Paths that work without a session.
const LOGIN: &str = "/login";

/// Puts the layers around `pages`, the outermost last.
pub(super) fn protect(pages: Router, site: &Arc<Site>) -> Router {
    let state = || Arc::clone(site);
    // The routes are a fallback, so that each layer comes before routing.
    Router::new()
        .fallback_service(pages)
        .layer(from_fn(body::bound))
        .layer(from_fn_with_state(state(), password::require))
        .layer(from_fn_with_state(state(), refuse_changes))
        .layer(from_fn(origin::require))
        .layer(from_fn(allow_methods))
        .layer(from_fn_with_state(state(), host::require))
        .layer(from_fn(headers::add))
}

/// Whether a request changes nothing.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

async fn allow_methods(request: Request, next: Next) -> Response {
    if is_safe(request.method()) || request.method() == Method::POST {
        return next.run(request).await;
    }
    let allowed = [(header::ALLOW, "GET, HEAD, POST")];
    (StatusCode::METHOD_NOT_ALLOWED, allowed, "only GET, HEAD and POST are supported\n")
        .into_response()
}

/// With `web.read_only`, nothing changes but sessions.
async fn refuse_changes(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let is_session = matches!(request.uri().path(), LOGIN | "/logout");
    if !site.is_read_only() || is_safe(request.method()) || is_session {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "this page only shows: web.read_only is set\n").into_response()
}

/// Returns the text of a header that occurs once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
