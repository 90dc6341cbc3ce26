//! The addresses of all pages.

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use super::{
    actions, assets, confirm, error::PageError, events, failures, job, jobs, login, manifests,
    overview, player, safety, site::Site, spend,
};

pub(super) fn router(site: &Arc<Site>) -> Router {
    let pages = Router::new()
        .route("/", get(overview::page))
        .route("/jobs", get(jobs::page))
        .route("/manifests", get(manifests::page))
        .route("/failures", get(failures::page))
        .route("/spend", get(spend::page))
        .route("/job", get(job::page))
        .route("/verdict", post(player::give))
        .route("/media/result/{task}/{sha256}", get(player::result))
        .route("/media/video/{task}", get(player::video))
        .route("/media/audio/{task}", get(player::audio))
        .route("/pause", post(actions::pause))
        .route("/resume", post(actions::resume))
        .merge(confirm::routes())
        .route("/events", get(events::events))
        .route("/login", get(login::form).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/assets/style.css", get(assets::style))
        .route("/assets/live.js", get(assets::script))
        .route("/assets/player.js", get(assets::player))
        .route("/assets/icon.svg", get(assets::icon))
        .fallback(|| async { PageError::NotFound })
        .with_state(Arc::clone(site));
    safety::protect(pages, site)
}
