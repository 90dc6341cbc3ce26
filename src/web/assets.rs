//! Style and script, which are part of the program: nothing is loaded from elsewhere.

use std::{fmt::Write as _, sync::LazyLock};

use axum::{
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/live.js");
const PLAYER: &str = include_str!("assets/player.js");
const ICON: &str = include_str!("assets/icon.svg");

/// Their addresses change with their contents, so that no browser uses an earlier version.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::digest([STYLE, SCRIPT, PLAYER, ICON].concat());
    digest.iter().take(6).fold(String::new(), |mut hex, byte| {
        let _written = write!(hex, "{byte:02x}");
        hex
    })
});

/// Returns the address of a file.
pub(super) fn address(name: &str) -> String {
    format!("/assets/{name}?v={}", *VERSION)
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    let headers =
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, text).into_response()
}

pub(super) async fn style() -> impl IntoResponse {
    file("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> impl IntoResponse {
    file("text/javascript; charset=utf-8", SCRIPT)
}

pub(super) async fn player() -> impl IntoResponse {
    file("text/javascript; charset=utf-8", PLAYER)
}

pub(super) async fn icon() -> impl IntoResponse {
    file("image/svg+xml", ICON)
}
