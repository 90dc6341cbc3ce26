//! Log in and out.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;
use tracing::{info, warn};

use super::{
    error::PageError,
    layout,
    safety::{COOKIE, cookie},
    site::Site,
};
use crate::http_server::Peer;

/// Where to continue after the login.
#[derive(Debug, Deserialize)]
pub(super) struct LoginQuery {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct LoginForm {
    password: String,
    #[serde(default)]
    next: String,
}

/// `GET /login`
pub(super) async fn form(
    State(site): State<Arc<Site>>,
    Query(asked): Query<LoginQuery>,
) -> Response {
    if site.settings.password.is_none() {
        return Redirect::to("/").into_response();
    }
    page(&asked.next, None).into_response()
}

fn page(next: &str, problem: Option<&str>) -> Markup {
    layout::bare(
        "Log in",
        &html! {
            h1 { "Log in" }
            form.stack method="post" action="/login" {
                @if let Some(problem) = problem {
                    p.problem role="alert" { (problem) }
                }
                input type="hidden" name="next" value=(own_path(next));
                label for="password" { "Password" }
                input #password type="password" name="password" required autofocus autocomplete="current-password";
                button { "Log in" }
            }
        },
    )
}

/// `POST /login`
pub(super) async fn log_in(
    State(site): State<Arc<Site>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Form(given): Form<LoginForm>,
) -> Response {
    let Some(password) = site.settings.password.clone() else {
        return Redirect::to("/").into_response();
    };
    let LoginForm { password: guess, next } = given;
    // Somebody who guesses, perhaps behind the same proxy, must not keep out a person with the right random password.
    let is_right = password.is_random() && password.is(&guess);
    if !is_right && let Err(wait) = site.sessions.try_guess(peer) {
        return too_early(&next, wait);
    }
    if !is_right && !site.sessions.check(password, guess).await {
        warn!("web: a wrong password was sent from {peer}");
        return (StatusCode::FORBIDDEN, page(&next, Some("This is not the password.")))
            .into_response();
    }
    if !is_right {
        site.sessions.right(peer);
    }
    let Some(value) = site.sessions.open() else { return PageError::Panicked.into_response() };
    info!("web: somebody logged in from {peer}");
    // Over https, the browser must not send it in plain text later.
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    let secure = if origin.is_some_and(|at| at.starts_with("https:")) { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict{secure}");
    ([(header::SET_COOKIE, cookie)], Redirect::to(own_path(&next))).into_response()
}

fn too_early(next: &str, wait: Duration) -> Response {
    let seconds = wait.as_secs() + 1;
    let problem = format!("A wrong password was sent. Wait {seconds} s, then try again.");
    let headers = [(header::RETRY_AFTER, seconds.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, headers, page(next, Some(&problem))).into_response()
}

/// `POST /logout`
pub(super) async fn log_out(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    if let Some(value) = cookie(&headers) {
        site.sessions.close(value);
    }
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response()
}

/// Returns a path of this site. `//host` and `/\host` would lead to another one.
fn own_path(next: &str) -> &str {
    let mut letters = next.chars();
    let is_path = letters.next() == Some('/') && !matches!(letters.next(), Some('/' | '\\'));
    let is_plain = !next.chars().any(char::is_control);
    if is_path && is_plain { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn the_login_leads_to_this_site_only() {
        for own in ["/", "/jobs?state=failed", "/job?key=a/b"] {
            assert_eq!(own_path(own), own);
        }
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "x",
        ] {
            assert_eq!(own_path(other), "/", "{other:?}");
        }
    }
}
