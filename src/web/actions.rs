//! What people do by a button: the same as by a command.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use tracing::info;

use super::{error::PageError, now::now_ms, site::Site};

/// `POST /pause`
pub(super) async fn pause(State(site): State<Arc<Site>>) -> Response {
    match site.store.pause_by_person(now_ms()).await {
        Ok(earlier) => {
            if earlier.is_none() {
                info!("web: somebody paused the queue");
            }
            Redirect::to("/").into_response()
        }
        Err(error) => PageError::from(error).into_response(),
    }
}

/// `POST /resume`
pub(super) async fn resume(State(site): State<Arc<Site>>) -> Response {
    match site.store.resume().await {
        Ok(ended) => {
            if ended.is_some() {
                info!("web: somebody resumed the queue");
            }
            Redirect::to("/").into_response()
        }
        Err(error) => PageError::from(error).into_response(),
    }
}
