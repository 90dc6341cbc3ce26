//! Why a page cannot be shown.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::html;
use tracing::{debug, warn};

use super::layout;
use crate::store::StoreError;

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error("there is no such page")]
    NotFound,
    #[error("no job is called `{0}`")]
    UnknownJob(String),
    /// What is wrong with the address or the form.
    #[error("{0}")]
    Invalid(String),
    #[error("too many pages are open; close some of them")]
    Busy,
    #[error(
        "reading this page took too long; select fewer jobs, or use the command that shows the same"
    )]
    TooLong,
    #[error("internal error; the log has details")]
    Panicked,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PageError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::UnknownJob(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Busy | Self::TooLong => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panicked | Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        match self {
            // A page that is open in many windows asks every few seconds.
            Self::Busy => debug!("web: a page cannot be shown: {self}"),
            _ if self.status().is_server_error() => warn!("web: a page cannot be shown: {self}"),
            _ => {}
        }
        let page = layout::bare(
            "Not shown",
            &html! {
                h1 { "Not shown" }
                p { (self) }
                p { a href="/" { "Back to the overview" } }
            },
        );
        (self.status(), page).into_response()
    }
}
